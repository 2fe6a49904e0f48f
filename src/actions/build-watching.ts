import { relative } from "node:path";
import { CancelledError, isAppError } from "../errors.ts";
import type { FileWatch } from "../sync/watch-files.ts";
import { followProject } from "./build-steps/follow-project.ts";
import { build, type BuildOptions, type BuildResult } from "./build.ts";

export interface BuildWatchingOptions extends BuildOptions {
  signal: AbortSignal;
  /** Called for the first package, and for each one that differs from the one before. */
  onBuilt(result: BuildResult): void;
}

/**
 * Builds, and builds again after every save, until it is stopped: then it throws the signal's reason. A project that
 * does not build is reported and waited for.
 */
export async function buildWatching(options: BuildWatchingOptions): Promise<never> {
  const { dir, report, signal } = options;
  const loop = new BuildLoop(options);
  const outputs = [options.output, options.archive].flatMap((path) => (path ? [relative(dir, path)] : []));
  const watch: FileWatch = await followProject({
    dir,
    outputs,
    onChange: (paths, settled) => loop.changed(paths, settled),
    onPolling: () => report.emit({ type: "watching", files: watch.files, polling: true }),
  });
  try {
    // Watched first: what is saved during the first build is not missed.
    loop.changed(["config.yaml"], true);
    report.emit({ type: "watching", files: watch.files, polling: watch.polling });
    await Promise.race([aborted(signal), loop.failed]);
    throw signal.reason instanceof CancelledError ? signal.reason : new CancelledError();
  } finally {
    loop.stop();
    await watch.close();
  }
}

/** Single flight: a save during a build is built after it. */
class BuildLoop {
  readonly #options: BuildWatchingOptions;
  #pending = new Set<string>();
  #running = false;
  #stopped = false;
  #package: string | null = null;
  #fail: (error: unknown) => void = () => {};
  /** Rejects for what is no fault of the project. */
  readonly failed = new Promise<never>((_resolve, reject) => {
    this.#fail = reject;
  });

  constructor(options: BuildWatchingOptions) {
    this.#options = options;
    this.failed.catch(() => {});
  }

  changed(paths: string[], settled: boolean): void {
    for (const path of paths) this.#pending.add(path);
    if (settled && !this.#running) void this.#run();
  }

  stop(): void {
    this.#stopped = true;
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#pending.size > 0 && !this.#stopped) {
      const files = [...this.#pending];
      this.#pending = new Set();
      await this.#build(files);
    }
    this.#running = false;
  }

  async #build(files: string[]): Promise<void> {
    const { report, onBuilt } = this.#options;
    try {
      const result = await build(this.#options);
      if (result.package === this.#package) report.emit({ type: "unchanged", files });
      else onBuilt(result);
      this.#package = result.package;
    } catch (error) {
      if (this.#stopped) return;
      if (!isAppError(error)) return this.#fail(error);
      const { message, location, hint, problems } = error;
      const own = { message, ...(location ? { location } : {}), ...(hint ? { hint } : {}) };
      report.emit({ type: "problems", title: "not built:", problems: [own, ...problems] });
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
