import { type AppError, isAppError } from "../errors.ts";
import type { ReloadKind, Reporter } from "../events.ts";
import { LoopBreaker } from "../sync/loop-breaker.ts";
import type { ExampleDifference } from "../protocol/control.ts";
import type { FileWatch } from "../sync/watch-files.ts";
import { followProject } from "./build-steps/follow-project.ts";
import type { LiveBuilder, NextBuild } from "./build-steps/live-builder.ts";
import type { ExampleNews } from "./watch-steps/example-news.ts";
import { problemsOf, unexpected } from "./watch-steps/problems-of.ts";
import { roundedPhases } from "./watch-steps/rounded-phases.ts";

/** Where packages go: a runtime on this machine, or a development deployment. */
export interface ReloadTarget {
  /**
   * Resolves once the change answers requests; rejects with the reason, the code before it still serving. Where the
   * signal fires, a newer save is there, and it may give up: it then rejects with the signal's reason.
   */
  apply(change: NextBuild, signal: AbortSignal): Promise<Applied>;
  /** What is live is wanted again: a change that was sent since, and is not, is no longer. */
  keep(): Promise<void>;
  /** Why methods cannot be put on what runs there now, where they cannot. */
  obstacle(): string | null;
  /** Does one of the target's own processes write that file? */
  writes(path: string): boolean;
}

export interface Applied {
  /** How it was done. */
  kind: ReloadKind;
  /** Those that answer with it. */
  replicas: number;
  phases_ms: Record<string, number>;
  /** What the examples are answered with, where that is not what config.yaml says. */
  differences: readonly ExampleDifference[];
}

export interface WatchProjectOptions {
  dir: string;
  builder: LiveBuilder;
  target: ReloadTarget;
  report: Reporter;
  examples: ExampleNews;
  /** Something else is live than before. */
  onLive?(applied: Applied): void;
}

export interface ProjectWatch {
  /** Builds and applies what is there now; `anew` where it is to be loaded again in any case. */
  reload(reason: string, options?: { anew?: boolean }): void;
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
  options.builder.onLateTypes = (paths) => loop.again(paths);
  return {
    reload: (reason, { anew = false } = {}) => loop.reload({ reason, anew }),
    async close() {
      loop.stop();
      await watch.close();
    },
  };
}

/** A build that was overtaken by another save is not applied; after this long without one that was, it is. */
const OVERTAKEN_MS = 2000;
/** A change that loads gives way to a newer save, unless it has been waiting for so long: saves may never end. */
const PATIENCE_MS = 60_000;

/** Single flight, newest wins: changes that come during a reload are built as soon as it is over or has given up. */
class ReloadLoop {
  readonly #options: WatchProjectOptions;
  readonly #breaker: LoopBreaker;
  #pending = new Set<string>();
  #since = 0;
  /** What is there is to be brought, whatever has changed. */
  #wanted: Wanted | null = null;
  #settled = true;
  #running = false;
  #stopped = false;
  /** What is being applied, since when it has been a change. */
  #applying: { abort: AbortController; since: number } | null = null;
  /** Called when the files are quiet or have changed again. */
  #heard: (() => void) | null = null;
  /** The last save is not live, for a reason that has been told. */
  #broken = false;
  /** The problems of the last failure that was told; empty once something is live again. */
  #told = "";
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
    if (settled && this.#pending.size > 0) this.#overtake();
    this.#go();
  }

  /** What was built from these files is built once more. */
  again(paths: readonly string[]): void {
    if (this.#pending.size === 0) this.#since = performance.now();
    for (const path of paths) this.#pending.add(path);
    this.#go();
  }

  reload(wanted: Wanted): void {
    this.#wanted = wanted;
    if (this.#pending.size === 0) this.#since = performance.now();
    this.#go();
  }

  stop(): void {
    this.#stopped = true;
    this.#applying?.abort.abort(new Overtaken());
    this.#heard?.();
  }

  #overtake(): void {
    if (this.#applying === null || performance.now() - this.#applying.since > PATIENCE_MS) return;
    this.#applying.abort.abort(new Overtaken());
  }

  #go(): void {
    if (!this.#running) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    while ((this.#pending.size > 0 || this.#wanted !== null) && !this.#stopped) {
      const files = [...this.#pending];
      const wanted = this.#wanted;
      this.#pending = new Set();
      this.#wanted = null;
      await this.#reload(files, wanted, this.#since);
    }
    this.#running = false;
    if (this.#settled) this.#tellFailure();
  }

  async #reload(files: string[], wanted: Wanted | null, since: number): Promise<void> {
    const { builder, target, report } = this.#options;
    const began = performance.now();
    // What failed before may be part of what is mended now.
    const all = [...new Set([...(this.#failure?.files ?? []), ...files])];
    const again = (): void => {
      for (const path of all) this.#pending.add(path);
      this.#wanted ??= wanted;
      this.#since = since;
    };
    try {
      if (wanted !== null) builder.forgetLive();
      const next = await builder.next(all);
      this.#failure = null;
      if (next === null) return await this.#unchanged(files);
      // What was read may be the first half of a save, and an emptied file is a valid one. Code tells by breaking.
      if (next.kind !== "methods") await this.#quiet(since + OVERTAKEN_MS);
      if (this.#pending.size > 0 && performance.now() < since + OVERTAKEN_MS) return again();
      const change = this.#adapted(next, wanted);
      const { kind, reason } = change;
      const names = builder.namesOf(all);
      report.emit({ type: "reload-started", files: names, kind, reason });
      const applying = performance.now();
      const abort = new AbortController();
      this.#applying = { abort, since };
      const applied = await target.apply(change, abort.signal);
      const now = performance.now();
      builder.wentLive();
      this.#broken = false;
      this.#told = "";
      this.#breaker.wentLive(now);
      const inside = Object.values(applied.phases_ms).reduce((sum, ms) => sum + ms, 0);
      const phases = {
        event: began - since,
        ...next.phases_ms,
        ...applied.phases_ms,
        swap: now - applying - inside,
      };
      report.emit({
        type: "reloaded",
        files: names,
        kind: applied.kind,
        reason: wasSwappable(kind) && applied.kind === "process" ? `${reason}; ${NOT_SWAPPED}` : reason,
        digest: change.built.manifest.package,
        replicas: applied.replicas,
        phases_ms: roundedPhases(phases),
        total_ms: Math.round((now - since) * 10) / 10,
      });
      this.#options.examples.tell(applied.differences);
      this.#options.onLive?.(applied);
    } catch (error) {
      if (error instanceof Overtaken) return again();
      this.#failure = { files: all, error: isAppError(error) ? error : unexpected(error) };
    } finally {
      this.#applying = null;
    }
  }

  #adapted(next: NextBuild, wanted: Wanted | null): NextBuild {
    if (wanted !== null) return { ...next, kind: "process", ...wanted };
    const obstacle = this.#options.target.obstacle();
    if (obstacle === null || !wasSwappable(next.kind)) return next;
    return { ...next, kind: "process", reason: obstacle };
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

  async #unchanged(files: string[]): Promise<void> {
    const { report, target, builder } = this.#options;
    await target.keep();
    // A log in the folder grows with every line that is written about it: nothing is said of what is no input.
    const saved = files.filter((path) => builder.isNewSave(path));
    if (saved.length > 0) report.emit({ type: "unchanged", files: saved });
    if (this.#broken)
      report.emit({ type: "note", message: "back to the code that is live; nothing to reload" });
    this.#broken = false;
    this.#told = "";
  }

  #tellFailure(): void {
    if (this.#failure === null || this.#stopped) return;
    const { files, error } = this.#failure;
    const { builder, report } = this.#options;
    const problems = problemsOf(error);
    const text = JSON.stringify(problems);
    // A log in the folder grows with every line that is written about it, this one too.
    const concerns = (path: string): boolean =>
      builder.isInput(path) || problems.some(({ location }) => location?.file === path);
    const isNews = text !== this.#told || files.some(concerns);
    if (isNews) report.emit({ type: "reload-failed", files: builder.namesOf(files), problems });
    this.#broken = true;
    this.#told = text;
    // Told once; the builder knows the files that are not live.
    this.#failure = null;
  }
}

interface Wanted {
  reason: string;
  anew: boolean;
}

const NOT_SWAPPED = "the methods could not be swapped";
const wasSwappable = (kind: ReloadKind): boolean => kind === "methods" || kind === "settings";

/** A newer save is there. */
class Overtaken extends Error {}
