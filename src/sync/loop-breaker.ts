const AFTER_LIVE_MS = 2000;
const MAX_IN_A_ROW = 5;
/** Folders that tools write into. */
const OUTPUT_FOLDERS =
  /(^|\/)(out|output|outputs|log|logs|tmp|temp|build|coverage|cache|\.cache|generated)\//;

/**
 * Stops following a file that the reloads themselves write: the same one, again and again, right after each
 * time the code went live, by a process of ours or into an output folder. Rate alone is never a loop.
 */
export class LoopBreaker {
  readonly #writtenByUs: (path: string) => boolean;
  readonly #stopped = new Set<string>();
  #path = "";
  #count = 0;
  #liveAt = -Infinity;

  constructor(writtenByUs: (path: string) => boolean) {
    this.#writtenByUs = writtenByUs;
  }

  wentLive(now: number): void {
    this.#liveAt = now;
  }

  /** The changes that still count, and the file that has just been stopped. */
  filter(paths: readonly string[], now: number): { paths: string[]; stopped: string | null; count: number } {
    const counting = paths.filter((path) => !this.#stopped.has(path));
    const [only] = counting;
    if (counting.length !== 1 || only === undefined || !this.#suspicious(only, now)) {
      if (counting.length > 0) this.#count = 0;
      return { paths: counting, stopped: null, count: 0 };
    }
    this.#count = only === this.#path ? this.#count + 1 : 1;
    this.#path = only;
    if (this.#count < MAX_IN_A_ROW) return { paths: counting, stopped: null, count: this.#count };
    this.#stopped.add(only);
    return { paths: [], stopped: only, count: this.#count };
  }

  #suspicious(path: string, now: number): boolean {
    if (now - this.#liveAt > AFTER_LIVE_MS) return false;
    return OUTPUT_FOLDERS.test(path) || this.#writtenByUs(path);
  }
}
