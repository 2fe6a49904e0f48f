import type { Job } from "./job.ts";
import type { SlotHolder } from "./lane.ts";
import type { ModelProcess } from "./model-process.ts";

/** Rows that share one call of predictBatch and one slot. */
export class Batch implements SlotHolder {
  /** On the channel. */
  readonly number: number;
  readonly process: ModelProcess;
  /** As many as were sent. */
  readonly size: number;
  /** Those that are not settled yet. */
  readonly rows: Set<Job>;
  slotNumber = 0;

  constructor(number: number, process: ModelProcess, rows: readonly Job[]) {
    this.number = number;
    this.process = process;
    this.size = rows.length;
    this.rows = new Set(rows);
    for (const row of rows) row.batch = this;
  }

  get alone(): boolean {
    const [first] = this.rows;
    return this.size === 1 && first?.alone === true;
  }

  /** Does anybody wait for what it does? */
  get isWanted(): boolean {
    return [...this.rows].some((row) => !row.cancelled);
  }

  get jobs(): Job[] {
    return [...this.rows];
  }
}
