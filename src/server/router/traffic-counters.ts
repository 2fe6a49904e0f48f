/** Upper bounds of the histogram, in seconds. */
export const DURATION_BOUNDS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300,
] as const;

/** Since the start of the host; for GET /metrics. */
export interface TrafficMetrics {
  /** Answered requests by status. */
  byStatus: ReadonlyMap<number, number>;
  /** Clients that left before they were answered in full. */
  cancelled: number;
  /** Requests whose replica went away under them. */
  lost: number;
  /** Requests sent again, to another replica, because the first could not be reached. */
  retried: number;
  /** Requests that had to wait for a replica, and for how long in all. */
  waited: number;
  waitedSeconds: number;
  /** Refused: the line was full; nothing came up in time. */
  overloaded: number;
  wakeTimeouts: number;
  /** From the request to the head of its answer: counts for each of DURATION_BOUNDS and one beyond, not summed up. */
  durationCounts: readonly number[];
  durationSeconds: number;
}

export class TrafficCounters implements TrafficMetrics {
  readonly byStatus = new Map<number, number>();
  cancelled = 0;
  lost = 0;
  retried = 0;
  waited = 0;
  waitedSeconds = 0;
  overloaded = 0;
  wakeTimeouts = 0;
  durationCounts: number[] = [];
  durationSeconds = 0;

  answered(status: number, ms: number): void {
    this.byStatus.set(status, (this.byStatus.get(status) ?? 0) + 1);
    const seconds = ms / 1000;
    this.durationSeconds += seconds;
    if (this.durationCounts.length === 0) this.durationCounts = Array(DURATION_BOUNDS.length + 1).fill(0);
    const found = DURATION_BOUNDS.findIndex((bound) => seconds <= bound);
    const index = found === -1 ? DURATION_BOUNDS.length : found;
    this.durationCounts[index] = (this.durationCounts[index] as number) + 1;
  }
}
