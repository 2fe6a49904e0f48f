/** Slot time that is sent ahead to a process, so that it never waits for the next order. */
const AHEAD_MS = 4;
const MAX_AHEAD = 64;
/** Jobs that run longer wait in the front, where they can still go to another process. */
const SLOW_JOB_MS = 10;

/** How long jobs hold their slot, measured, recent ones weighing more. */
export class SlotTime {
  /** 0 until the first one is known. */
  ms = 0;

  observe(ms: number): void {
    this.ms = this.ms === 0 ? ms : this.ms * 0.9 + ms * 0.1;
  }

  /** How many jobs beyond its slots a process may hold. */
  get ahead(): number {
    if (this.ms === 0 || this.ms > SLOW_JOB_MS) return 0;
    return Math.min(MAX_AHEAD, Math.max(1, Math.round(AHEAD_MS / this.ms)));
  }
}
