export interface Load {
  inFlight: number;
  queued: number;
}

/** Averages over time of what changes at points in time. */
export class LoadMeter {
  #since: number;
  #last: number;
  #inFlight = 0;
  #queued = 0;
  #inFlightTime = 0;
  #queuedTime = 0;

  constructor(nowMs: number) {
    this.#since = nowMs;
    this.#last = nowMs;
  }

  /** What holds from now on. */
  set(nowMs: number, inFlight: number, queued: number): void {
    const ms = nowMs - this.#last;
    this.#inFlightTime += ms * this.#inFlight;
    this.#queuedTime += ms * this.#queued;
    this.#last = nowMs;
    this.#inFlight = inFlight;
    this.#queued = queued;
  }

  /** Averages since the last call. */
  take(nowMs: number): Load {
    this.set(nowMs, this.#inFlight, this.#queued);
    const ms = nowMs - this.#since;
    const load =
      ms > 0
        ? { inFlight: this.#inFlightTime / ms, queued: this.#queuedTime / ms }
        : { inFlight: this.#inFlight, queued: this.#queued };
    this.#since = nowMs;
    this.#inFlightTime = 0;
    this.#queuedTime = 0;
    return load;
  }
}
