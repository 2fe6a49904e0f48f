import type { Vitals } from "../../protocol/control.ts";
import type { RunningRuntime } from "../../supervise/running-runtime.ts";
import { descendantsOf, type TreeProcess } from "./process-tree.ts";

/** What a part of the runtime holds while nothing is asked of it; the model's processes added up. */
export interface Held {
  retained: number;
  resident: number;
  /** null where the system does not tell. */
  files: number | null;
  handles: number;
  /** Processes that user code has started. */
  children: number;
}

export interface Checkpoint {
  /** Answered so far. */
  requests: number;
  front: Held;
  model: Held;
  /** Every process of the runtime, itself aside. */
  processes: TreeProcess[];
}

/** Taken between two stretches of traffic, after all garbage has been collected: what is there now, stays. */
export async function takeCheckpoint(runtime: RunningRuntime, requests: number): Promise<Checkpoint> {
  const vitals = await runtime.vitals();
  const processes = await descendantsOf(runtime.pid);
  const models = vitals.filter(({ worker }) => worker !== 0);
  const children = models.reduce((sum, { pid }) => sum + below(pid, processes), 0);
  return {
    requests,
    front: held(
      vitals.filter(({ worker }) => worker === 0),
      0,
    ),
    model: held(models, children),
    processes,
  };
}

function held(vitals: readonly Vitals[], children: number): Held {
  const sum = (of: (each: Vitals) => number): number => vitals.reduce((total, each) => total + of(each), 0);
  return {
    retained: sum(({ retained }) => retained),
    resident: sum(({ resident }) => resident),
    files: vitals.some(({ files }) => files === null) ? null : sum(({ files }) => files ?? 0),
    handles: sum(({ handles }) => handles),
    children,
  };
}

function below(pid: number, processes: readonly TreeProcess[]): number {
  const own = processes.filter(({ parent }) => parent === pid);
  return own.reduce((sum, child) => sum + 1 + below(child.pid, processes), 0);
}
