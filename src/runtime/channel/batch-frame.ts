import type { FrameWriter } from "./frame-writer.ts";
import { ToFront, ToModel } from "./frames.ts";

/** How a batch went. */
export interface BatchOutcome {
  /** Milliseconds in user code. */
  ms: number;
  /** Rows that user code was given: fewer than were sent where some had been cancelled or were no valid input. */
  rows: number;
}

export function writeBatch(writer: FrameWriter, number: number, ids: readonly number[]): void {
  const { buffer, offset } = writer.frame(ToModel.BATCH, number, ids.length * 4);
  ids.forEach((id, i) => buffer.writeUInt32LE(id, offset + i * 4));
}

export function readBatch(payload: Buffer): number[] {
  return Array.from({ length: payload.byteLength / 4 }, (_, i) => payload.readUInt32LE(i * 4));
}

export function writeBatchDone(writer: FrameWriter, number: number, { ms, rows }: BatchOutcome): void {
  const { buffer, offset } = writer.frame(ToFront.BATCH_DONE, number, 12);
  buffer.writeDoubleLE(ms, offset);
  buffer.writeUInt32LE(rows, offset + 8);
}

export function readBatchDone(payload: Buffer): BatchOutcome {
  return { ms: payload.readDoubleLE(0), rows: payload.readUInt32LE(8) };
}
