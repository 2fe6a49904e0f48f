import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { createServingTree } from "../supervise/serving-tree.ts";
import type { RunningRuntime } from "../supervise/running-runtime.ts";
import { LiveBuilder } from "./build-steps/live-builder.ts";
import { runToEnd, type ServeOptions, startServing } from "./serve.ts";
import { watchProject } from "./watch-project.ts";

/** Serves a project and follows every save, until it is stopped. */
export async function serveWatching(options: ServeOptions): Promise<void> {
  const { target: dir, report } = options;
  const tree = createServingTree(dir);
  const builder = await LiveBuilder.create(dir, tree, report);
  try {
    const generation = await builder.first();
    let broken = true;
    const runtime = startServing(
      generation,
      {
        ...options,
        onEvent(event) {
          if (event.type === "ready") broken = false;
          options.onEvent?.(event);
        },
      },
      join(dir, ".env"),
    );
    const watch = await watchProject({
      dir,
      builder,
      report,
      startBroken: () => broken,
      target: {
        apply: (next, kind) => runtime.reload(next, kind),
        writes: (path) => hasOpen(runtime, join(dir, path)),
      },
    });
    // Once it serves; a model that cannot be loaded is about to be edited anyway.
    runtime.ready.then(() => setImmediate(() => builder.prepare())).catch(() => {});
    try {
      await runToEnd(runtime, options.signal, { staysWhenBroken: true });
    } finally {
      await watch.close();
    }
  } finally {
    await builder.dispose();
    tree.dispose();
  }
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
