import { setTimeout as delay } from "node:timers/promises";
import { processStart } from "../../util/process-start.ts";
import type { Finding } from "./finding.ts";
import type { TreeProcess } from "./process-tree.ts";

/** The guards of the model processes end a moment after them. */
const END_MS = 5000;
const LOOK_EVERY_MS = 50;

export interface ProcessMemory {
  add(processes: readonly TreeProcess[]): void;
  /** Those that are still there; they are ended: nobody else would. */
  left(): Promise<Finding[]>;
}

/** Remembers the processes of a runtime, to tell after its end which of them have outlived it. */
export function rememberProcesses(): ProcessMemory {
  const known = new Map<number, { start: string; command: string }>();
  const alive = (): [number, string][] =>
    [...known].flatMap(([pid, { start, command }]) =>
      processStart(pid) === start ? [[pid, command] as [number, string]] : [],
    );
  return {
    add(processes) {
      for (const { pid, command } of processes) {
        const start = processStart(pid);
        if (start !== null) known.set(pid, { start, command });
      }
    },
    async left() {
      const deadline = performance.now() + END_MS;
      while (alive().length > 0 && performance.now() < deadline) await delay(LOOK_EVERY_MS);
      const left = alive();
      for (const [pid] of left) kill(pid);
      if (left.length === 0) return [];
      const commands = [...new Set(left.map(([, command]) => command))].slice(0, 3).join("; ");
      return [
        {
          code: "processes",
          message: `${left.length} processes were still there after the server's end: ${commands}. They were killed.`,
          count: left.length,
          hint: "A detached process outlives the model: end it in shutdown().",
        },
      ];
    },
  };
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}
