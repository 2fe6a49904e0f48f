/** User code may keep the loop this long before the channel is read again, so that cancellations are seen. */
const BURST_MS = 1;

/** What runs in a slot: a job or a batch. */
export interface LaneHolder {
  inLane: boolean;
}

/** Runs what holds a slot, in the order in which the front granted them, so many at a time. */
export class Lanes<T extends LaneHolder> {
  readonly #limit: () => number;
  readonly #start: (holder: T) => void;
  readonly #waiting: (T | undefined)[] = [];
  #head = 0;
  #running = 0;
  readonly #turns: (() => void)[] = [];
  /** So many have had their turn, in the order in which their slots were granted. */
  begun = 0;
  #draining = false;
  #resting = false;

  constructor(limit: () => number, start: (holder: T) => void) {
    this.#limit = limit;
    this.#start = start;
  }

  enter(holder: T): void {
    this.#waiting.push(holder);
    this.#drain();
  }

  /** Its slot is free again. */
  leave(holder: T): void {
    if (!holder.inLane) return;
    holder.inLane = false;
    this.#running -= 1;
    this.#drain();
  }

  /** A place for what is no request, before those that wait; resolves with what gives it back. */
  async turn(): Promise<() => void> {
    await new Promise<void>((resolve) => {
      this.#turns.push(resolve);
      this.#drain();
    });
    return () => {
      this.#running -= 1;
      this.#drain();
    };
  }

  #drain(): void {
    if (this.#draining || this.#resting) return;
    this.#draining = true;
    const began = performance.now();
    while (this.#turns.length > 0 && this.#running < this.#limit()) {
      this.#running += 1;
      (this.#turns.shift() as () => void)();
    }
    while (this.#head < this.#waiting.length && this.#running < this.#limit()) {
      if (performance.now() - began > BURST_MS) {
        this.#rest();
        break;
      }
      const holder = this.#waiting[this.#head] as T;
      this.#waiting[this.#head] = undefined;
      this.#head += 1;
      this.#running += 1;
      this.begun += 1;
      holder.inLane = true;
      this.#start(holder);
    }
    if (this.#head === this.#waiting.length || this.#head > 1024) {
      this.#waiting.splice(0, this.#head);
      this.#head = 0;
    }
    this.#draining = false;
  }

  #rest(): void {
    this.#resting = true;
    setImmediate(() => {
      this.#resting = false;
      this.#drain();
    });
  }
}
