import type { FailedInfo } from "../channel/frames.ts";
import type { Logger } from "./logger.ts";
import { memoryLimit, type MemoryLimit } from "./memory-limit.ts";
import type { Metrics } from "./metrics.ts";
import type { ModelProcess } from "./model-process.ts";
import type { ProcessPool } from "./process-pool.ts";
import { treeMemory } from "./tree-memory.ts";

const LOOK_EVERY_MS = 1000;
/** One that is over its limit sooner than this after its load will soon be there again. */
const QUICK_MS = 60_000;
/** How long it then stays, by how often that has happened in a row. */
const PAUSES_MS = [0, 1000, 2000, 4000, 8000, 15_000] as const;
/** Loading takes at most a tenth of the time. */
const LOAD_SHARE = 10;
/** One that answers for so long without growing does not leak: that is what the model needs. */
const SETTLED_MS = 10_000;
const SETTLED_REQUESTS = 10;
const SETTLED_GROWTH = 1.05;
/** What a model needs is over the limit: it may have that and a quarter more. */
const HEADROOM = 1.25;
const FAILED_PAUSE_MS = 60_000;

interface Watched {
  since: number;
  /** When it went over its limit. */
  overAt: number | null;
  /** What it had when it last had grown. */
  mark: { at: number; bytes: number; requests: number };
}

export interface MemoryWatchOptions {
  pool: ProcessPool;
  metrics: Metrics;
  logger: Logger;
}

/**
 * Replaces a model process that has grown over its limit: one at a time, a fresh one first, and no more often than
 * helps. Where the limit is below what the model needs, that is said, and the model keeps what it needs.
 */
export class MemoryWatch {
  readonly #options: MemoryWatchOptions;
  readonly #resident = treeMemory();
  readonly #watched = new WeakMap<ModelProcess, Watched>();
  #busy = false;
  #notBefore = 0;
  /** How often in a row a fresh process was over the limit soon. */
  #quick = 0;
  /** What the code in that folder has shown to need. */
  #needs = { dir: "", bytes: 0 };

  constructor(options: MemoryWatchOptions) {
    this.#options = options;
  }

  start(): void {
    setInterval(() => void this.#look(), LOOK_EVERY_MS).unref();
  }

  async #look(): Promise<void> {
    const { pool } = this.#options;
    if (this.#busy || pool.state !== "ready") return;
    this.#busy = true;
    try {
      const ready = pool.ready.filter(({ pid }) => pid !== undefined);
      const resident = await this.#resident(ready.map(({ pid }) => pid as number));
      const due = ready
        .map((process) => ({ process, bytes: resident.get(process.pid as number) ?? 0 }))
        .sort((a, b) => b.bytes - a.bytes)
        .map(({ process, bytes }) => ({ process, bytes, limit: this.#exceeded(process, bytes) }))
        .find(({ limit }) => limit !== null);
      if (due !== undefined) await this.#replace(due.process, due.bytes, due.limit as MemoryLimit);
    } finally {
      this.#busy = false;
    }
  }

  /** The limit that a process is over, where replacing it is due. */
  #exceeded(process: ModelProcess, bytes: number): MemoryLimit | null {
    const { pool, metrics } = this.#options;
    // Nothing is known of one that has not told yet.
    if (process.loadedBytes === 0 || bytes === 0) return null;
    const now = performance.now();
    const requests = metrics.durations.total.count;
    const watched = this.#entry(process, bytes, requests);
    if (bytes > watched.mark.bytes * SETTLED_GROWTH) watched.mark = { at: now, bytes, requests };
    const limit = memoryLimit(pool.files.config, {
      front: globalThis.process.memoryUsage.rss(),
      loaded: process.loadedBytes,
      workers: pool.ready.length,
    });
    if (limit === null || bytes <= limit.bytes) {
      watched.overAt = null;
      return null;
    }
    watched.overAt ??= now;
    if (process.loadedBytes > limit.bytes) this.#accept(process, process.loadedBytes, limit);
    else if (this.#hasSettled(watched, requests)) this.#accept(process, bytes, limit);
    if (this.#needs.dir === process.packageDir && bytes <= this.#needs.bytes * HEADROOM) return null;
    const pause = PAUSES_MS[Math.min(this.#quick, PAUSES_MS.length - 1)] ?? 0;
    const loadMs = (process.info?.load_ms ?? 0) * LOAD_SHARE;
    const due = Math.max(this.#notBefore, watched.overAt + pause, watched.since + loadMs);
    return now >= due ? limit : null;
  }

  #entry(process: ModelProcess, bytes: number, requests: number): Watched {
    const known = this.#watched.get(process);
    if (known !== undefined) return known;
    const now = performance.now();
    const entry = { since: now, overAt: null, mark: { at: now, bytes, requests } };
    this.#watched.set(process, entry);
    return entry;
  }

  #hasSettled({ mark }: Watched, requests: number): boolean {
    if (this.#quick < PAUSES_MS.length - 1) return false;
    return performance.now() - mark.at >= SETTLED_MS && requests - mark.requests >= SETTLED_REQUESTS;
  }

  /** A fresh process would be over the limit, too: said once, and again only where it needs still more. */
  #accept(process: ModelProcess, bytes: number, limit: MemoryLimit): void {
    const known = this.#needs.dir === process.packageDir ? this.#needs.bytes : 0;
    if (bytes <= known * HEADROOM) return;
    this.#needs = { dir: process.packageDir, bytes };
    this.#options.logger.log(
      "error",
      `The model needs ${mib(bytes)}, which is over its memory limit of ${mib(limit.bytes)} (${limit.from}). ` +
        `A fresh process would be, too: it is replaced only above ${mib(bytes * HEADROOM)}. Raise ${limit.from} in config.yaml.`,
      { worker: process.worker, rss: bytes, limit: limit.bytes },
    );
  }

  async #replace(process: ModelProcess, bytes: number, limit: MemoryLimit): Promise<void> {
    const { pool, logger, metrics } = this.#options;
    const { since = 0, overAt } = this.#watched.get(process) ?? {};
    const quick = (overAt ?? performance.now()) - since < QUICK_MS;
    const fields = { worker: process.worker, rss: bytes, limit: limit.bytes };
    logger.log(
      "warn",
      `The model process has ${mib(bytes)}, which is over its memory limit of ${mib(limit.bytes)} (${limit.from}); a fresh one takes over`,
      fields,
    );
    try {
      const replaced = await pool.recycle(process);
      if (replaced === null) return;
      metrics.restart("memory-limit");
      this.#quick = quick ? this.#quick + 1 : 0;
      // Two that end and two that load at once would hold four times the memory.
      await replaced.ended;
    } catch (error) {
      this.#notBefore = performance.now() + FAILED_PAUSE_MS;
      const why = (error as Partial<FailedInfo>).error ?? String(error);
      logger.log(
        "error",
        `The process over its memory limit stays: no fresh one could be loaded (${why})`,
        fields,
      );
    }
  }
}

function mib(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`;
}
