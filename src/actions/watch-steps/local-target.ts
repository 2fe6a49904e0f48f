import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import type { ExampleDifference, Generation } from "../../protocol/control.ts";
import type { RunningRuntime } from "../../supervise/running-runtime.ts";
import type { ServingTree } from "../../supervise/serving-tree.ts";
import type { BuiltPackage } from "../build-steps/live-builder.ts";
import type { ReloadTarget } from "../watch-project.ts";

export interface LocalTargetOptions {
  /** Absolute folder of the project. */
  dir: string;
  tree: ServingTree;
  runtime: RunningRuntime;
  /** What the runtime was started with. */
  first: Generation;
  /** What the code that was loaded last has answered to its examples, as far as that differs. */
  differences(): readonly ExampleDifference[];
  /** No model is loaded: it was started with one that cannot be. */
  isBroken(): boolean;
}

/** A runtime of this machine, brought from generation to generation. */
export function createLocalTarget(options: LocalTargetOptions): ReloadTarget {
  const { dir, tree, runtime } = options;
  let live = options.first;
  return {
    async apply({ built, kind }) {
      const began = performance.now();
      const generation = stage(tree, live, built);
      const staged = performance.now();
      const inPlace = kind === "methods" || kind === "settings";
      const done = await runtime.reload(generation, inPlace ? "methods" : "process");
      live = generation;
      return {
        kind: inPlace && done.kind === "process" ? "process" : kind,
        replicas: 1,
        phases_ms: { stage: staged - began },
        differences: options.differences(),
      };
    },
    keep: () => Promise.resolve(),
    obstacle: () => (options.isBroken() ? "no model is loaded" : null),
    writes: (path) => hasOpen(runtime, join(dir, path)),
  };
}

function stage(
  tree: ServingTree,
  live: Generation,
  { whole, dir, code, manifest }: BuiltPackage,
): Generation {
  return whole ? tree.add(dir) : tree.addCode(live, code, manifest);
}

/** Does the runtime, or a process that it started, have the file open? Linux only; elsewhere nobody can tell. */
function hasOpen(runtime: RunningRuntime, file: string): boolean {
  return descendants(runtime.pid).some((pid) => {
    try {
      return readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === file);
    } catch {
      // Gone meanwhile, or no /proc here.
      return false;
    }
  });
}

function descendants(pid: number): number[] {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    const children = threads.flatMap((thread) => readChildren(pid, thread));
    return [pid, ...children.flatMap((child) => descendants(child))];
  } catch {
    return [];
  }
}

function readChildren(pid: number, thread: string): number[] {
  const text = readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").trim();
  return text === "" ? [] : text.split(" ").map(Number);
}
