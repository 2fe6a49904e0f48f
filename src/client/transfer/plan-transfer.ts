import type { Digest, FileEntry } from "../../protocol/manifest.ts";
import type { TransferLimits } from "../../protocol/transfer.ts";

export interface TransferPlan {
  batches: FileEntry[][];
  whole: FileEntry[];
  inParts: FileEntry[];
  files: number;
  bytes: number;
}

/** Each missing digest once, by how it travels; the largest first where it is whole files, so that lanes end together. */
export function planTransfer(
  files: readonly FileEntry[],
  missing: readonly Digest[],
  limits: TransferLimits,
): TransferPlan {
  const wanted = new Set(missing);
  const entries = files.filter(([, , digest]) => wanted.delete(digest));
  const plan: TransferPlan = {
    batches: [],
    whole: [],
    inParts: [],
    files: entries.length,
    bytes: entries.reduce((sum, [, , , size]) => sum + size, 0),
  };
  let batch: FileEntry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    const [, , , size] = entry;
    if (size > limits.whole_file_bytes) plan.inParts.push(entry);
    else if (size > limits.batch_file_bytes) plan.whole.push(entry);
    else {
      if (batch.length === limits.batch_files || bytes + size > limits.batch_bytes) {
        plan.batches.push(batch);
        batch = [];
        bytes = 0;
      }
      batch.push(entry);
      bytes += size;
    }
  }
  if (batch.length > 0) plan.batches.push(batch);
  plan.whole.sort((a, b) => b[3] - a[3]);
  return plan;
}
