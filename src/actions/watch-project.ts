import { AppError, isAppError, type Problem } from "../errors.ts";
import type { Reporter } from "../events.ts";
import type { Generation } from "../protocol/control.ts";
import { LoopBreaker } from "../sync/loop-breaker.ts";
import type { FileWatch } from "../sync/watch-files.ts";
import { followProject } from "./build-steps/follow-project.ts";
import type { LiveBuilder } from "./build-steps/live-builder.ts";

/** Where new generations go: a local runtime, or a development deployment. */
export interface ReloadTarget {
  /** Resolves once the change answers requests; rejects with the reason, the old code still serving. */
  apply(generation: Generation, kind: "methods" | "process"): Promise<{ kind: "methods" | "process" }>;
  /** Does one of the target's own processes write that file? */
  writes(path: string): boolean;
}

export interface WatchProjectOptions {
  dir: string;
  builder: LiveBuilder;
  target: ReloadTarget;
  report: Reporter;
  /** The model that is served now could not be loaded. */
  startBroken: () => boolean;
}

export interface ProjectWatch {
  close(): Promise<void>;
}

/** Keeps a target in step with a project folder: every save is built, classified and applied, one at a time. */
export async function watchProject(options: WatchProjectOptions): Promise<ProjectWatch> {
  const { dir, report } = options;
  const loop = new ReloadLoop(options);
  const watch: FileWatch = await followProject({
    dir,
    onChange: (paths, settled) => loop.changed(paths, settled),
    onPolling: () => report.emit({ type: "watching", files: watch.files, polling: true }),
  });
  report.emit({ type: "watching", files: watch.files, polling: watch.polling });
  return {
    async close() {
      loop.stop();
      await watch.close();
    },
  };
}

/** A build that was overtaken by another save is not applied; after this long without one that was, it is. */
const OVERTAKEN_MS = 2000;

/** Single flight, newest wins: changes that come during a reload are built as soon as it is over. */
class ReloadLoop {
  readonly #options: WatchProjectOptions;
  readonly #breaker: LoopBreaker;
  #pending = new Set<string>();
  #since = 0;
  #settled = false;
  #running = false;
  #stopped = false;
  /** Called when the files are quiet or have changed again. */
  #heard: (() => void) | null = null;
  /** The last save is not live, for a reason that has been told. */
  #broken = false;
  /** A failure that is only told once the files are quiet: half a save is no mistake. */
  #failure: { files: string[]; error: AppError } | null = null;

  constructor(options: WatchProjectOptions) {
    this.#options = options;
    this.#breaker = new LoopBreaker((path) => options.target.writes(path));
  }

  changed(paths: string[], settled: boolean): void {
    const { paths: counting, stopped, count } = this.#breaker.filter(paths, performance.now());
    if (stopped !== null) this.#options.report.emit({ type: "loop-stopped", file: stopped, count });
    if (this.#pending.size === 0 && counting.length > 0) this.#since = performance.now();
    for (const path of counting) this.#pending.add(path);
    this.#settled = settled;
    if (settled || this.#pending.size > 0) this.#heard?.();
    if (!this.#running) void this.#run();
  }

  stop(): void {
    this.#stopped = true;
    this.#heard?.();
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#pending.size > 0 && !this.#stopped) {
      const files = [...this.#pending];
      this.#pending = new Set();
      await this.#reload(files, this.#since);
    }
    this.#running = false;
    if (this.#settled) this.#tellFailure();
  }

  async #reload(files: string[], since: number): Promise<void> {
    const { builder, target, report } = this.#options;
    const began = performance.now();
    // What failed before may be part of what is mended now.
    const all = [...new Set([...(this.#failure?.files ?? []), ...files])];
    try {
      const next = await builder.next(all);
      this.#failure = null;
      if (next === null) return this.#unchanged(files);
      // What was read may be the first half of a save, and an emptied file is a valid one. Code tells by breaking.
      if (next.kind === "process") await this.#quiet(since + OVERTAKEN_MS);
      if (this.#pending.size > 0 && performance.now() < since + OVERTAKEN_MS) {
        for (const path of all) this.#pending.add(path);
        this.#since = since;
        return;
      }
      const { generation, kind, reason } = this.#options.startBroken()
        ? { ...next, kind: "process" as const, reason: "no model is loaded" }
        : next;
      report.emit({ type: "reload-started", files, kind, reason });
      const applying = performance.now();
      const applied = await target.apply(generation, kind);
      const now = performance.now();
      builder.wentLive();
      this.#broken = false;
      this.#breaker.wentLive(now);
      const phases = { event: began - since, ...next.phases_ms, swap: now - applying };
      report.emit({
        type: "reloaded",
        files,
        kind: applied.kind,
        reason: applied.kind === kind ? reason : `${reason}; the methods could not be swapped`,
        digest: generation.digest,
        phases_ms: rounded(phases),
        total_ms: Math.round((now - since) * 10) / 10,
      });
    } catch (error) {
      this.#failure = { files: all, error: isAppError(error) ? error : unexpected(error) };
    }
  }

  /** Until the files are quiet, have changed again, or `limit` (performance.now()). */
  async #quiet(limit: number): Promise<void> {
    if (this.#settled || this.#pending.size > 0 || this.#stopped) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, limit - performance.now());
      this.#heard = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#heard = null;
  }

  #unchanged(files: string[]): void {
    const { report } = this.#options;
    report.emit({ type: "unchanged", files });
    if (this.#broken)
      report.emit({ type: "note", message: "back to the code that is live; nothing to reload" });
    this.#broken = false;
  }

  #tellFailure(): void {
    if (this.#failure === null || this.#stopped) return;
    const { files, error } = this.#failure;
    this.#broken = true;
    this.#options.report.emit({ type: "reload-failed", files, problems: problemsOf(error) });
    // Told once; the files stay with the next build.
    this.#failure = null;
  }
}

/** Files come and go while they are read: whatever one build meets, what is live goes on and the next save counts. */
function unexpected(error: unknown): AppError {
  const message = error instanceof Error ? error.message : String(error);
  return new AppError("BUILD_FAILED", `The save could not be built: ${message}`, { cause: error });
}

function problemsOf(error: AppError): Problem[] {
  const own: Problem = {
    message: error.message,
    ...(error.location === undefined ? {} : { location: error.location }),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  };
  return [own, ...error.problems];
}

function rounded(phases: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(phases).map(([name, ms]) => [name, Math.round(ms * 10) / 10]));
}
