/** After the last event of an edit, the tree is looked at again when it has been quiet this long. */
const QUIET_MS = 60;
/** A checkout of many files pauses longer than that between two of them. */
const QUIET_MANY_MS = 300;
const MANY_EVENTS = 50;

export interface Timers {
  set(run: () => void, ms: number): unknown;
  clear(timer: never): void;
}

const realTimers: Timers = {
  set: (run, ms) => setTimeout(run, ms),
  clear: (timer) => clearTimeout(timer),
};

export interface SettleHandlers {
  /** The first event after quiet: work may begin. */
  onFirst(): void;
  /** No event for a while: what has been read since can be trusted. */
  onSettled(): void;
}

/** Turns a stream of file events into a beginning and an end of each edit. */
export class Settle {
  readonly #handlers: SettleHandlers;
  readonly #timers: Timers;
  #timer: unknown = null;
  #events = 0;

  constructor(handlers: SettleHandlers, timers: Timers = realTimers) {
    this.#handlers = handlers;
    this.#timers = timers;
  }

  event(): void {
    this.#events += 1;
    if (this.#timer === null) this.#handlers.onFirst();
    else this.#timers.clear(this.#timer as never);
    const quiet = this.#events > MANY_EVENTS ? QUIET_MANY_MS : QUIET_MS;
    this.#timer = this.#timers.set(() => this.#settled(), quiet);
  }

  /** An edit has begun and is not over. */
  get isBusy(): boolean {
    return this.#timer !== null;
  }

  stop(): void {
    if (this.#timer !== null) this.#timers.clear(this.#timer as never);
    this.#timer = null;
  }

  #settled(): void {
    this.#timer = null;
    this.#events = 0;
    this.#handlers.onSettled();
  }
}
