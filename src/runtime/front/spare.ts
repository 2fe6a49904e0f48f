import type { FailedInfo } from "../channel/frames.ts";
import type { ModelProcess } from "./model-process.ts";

/** After a spare that could not be loaded, the next try waits, longer each time. */
const PAUSES_MS = [1000, 5000, 30_000, 120_000] as const;

export interface SpareOptions {
  /** Is one wanted now? */
  isWanted: () => boolean;
  spawn: () => ModelProcess;
  loaded: (process: ModelProcess) => Promise<void>;
  discard: (process: ModelProcess) => void;
  onFailed: (info: FailedInfo) => void;
}

/** A process that has loaded and waits for one that serves to fail (`runtime.spare`). */
export class Spare {
  readonly #options: SpareOptions;
  #process: ModelProcess | null = null;
  /** Its load; resolves to null where that fails. */
  #loading: Promise<ModelProcess | null> = Promise.resolve(null);
  #failures = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: SpareOptions) {
    this.#options = options;
  }

  /** The one that has loaded. */
  get waiting(): ModelProcess | null {
    return this.#process?.state === "spare" ? this.#process : null;
  }

  owns(process: ModelProcess): boolean {
    return this.#process === process;
  }

  /** Sees to it that there is one, where one is wanted. */
  keep(): void {
    if (this.#process !== null || this.#timer !== null || !this.#options.isWanted()) return;
    const process = this.#options.spawn();
    this.#process = process;
    this.#loading = this.#load(process);
  }

  /** Hands it over, once it has loaded; null where there is none, or it cannot be loaded. */
  async take(): Promise<ModelProcess | null> {
    if (this.#process === null) return null;
    const process = await this.#loading;
    // Another one may have been quicker.
    if (process === null || this.#process !== process) return null;
    this.#process = null;
    return process;
  }

  /** It is of other code than what serves now. */
  renew(): void {
    const process = this.#process;
    this.#process = null;
    if (process !== null) this.#options.discard(process);
    this.#failures = 0;
    this.keep();
  }

  /** It has ended by itself. */
  lost(): void {
    this.#process = null;
    this.#tryLater();
  }

  async #load(process: ModelProcess): Promise<ModelProcess | null> {
    try {
      await this.#options.loaded(process);
    } catch (error) {
      if (this.#process !== process) return null;
      this.#process = null;
      this.#options.discard(process);
      this.#options.onFailed(error as FailedInfo);
      this.#tryLater();
      return null;
    }
    if (this.#process === process) process.state = "spare";
    this.#failures = 0;
    return process;
  }

  #tryLater(): void {
    const pause = PAUSES_MS[Math.min(this.#failures, PAUSES_MS.length - 1)] ?? 0;
    this.#failures += 1;
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.keep();
    }, pause).unref();
  }
}
