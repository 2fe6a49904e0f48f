import type { Readable } from "node:stream";
import type { Digest } from "../../protocol/manifest.ts";
import type { TransferLimits } from "../../protocol/transfer.ts";
import { HostError } from "../host-error.ts";

export interface BatchFile {
  digest: Digest;
  bytes: Uint8Array;
}

/** u32be n, n bytes of JSON `[[digest, size], ...]`, then the bytes of the files one after the other. */
export async function readBatch(source: Readable, limits: TransferLimits): Promise<BatchFile[]> {
  const pieces: Buffer[] = [];
  let total = 0;
  // The list of names comes on top of the bytes that are limited.
  const limit = limits.batch_bytes + limits.batch_files * 128 + 4;
  for await (const piece of source as AsyncIterable<Buffer>) {
    total += piece.length;
    if (total > limit) throw bad(`it is larger than ${limit} bytes`);
    pieces.push(piece);
  }
  return parseBatch(Buffer.concat(pieces), limits);
}

export function parseBatch(body: Buffer, limits: TransferLimits): BatchFile[] {
  if (body.length < 4) throw bad("it is shorter than its head");
  const headLength = body.readUInt32BE(0);
  if (headLength > body.length - 4) throw bad("it is shorter than its list of files");
  const entries = readHead(body.subarray(4, 4 + headLength));
  if (entries.length > limits.batch_files) throw bad(`it has more than ${limits.batch_files} files`);
  const files: BatchFile[] = [];
  let at = 4 + headLength;
  for (const [digest, size] of entries) {
    if (size > limits.batch_file_bytes)
      throw bad(`${digest} is larger than ${limits.batch_file_bytes} bytes`);
    if (at + size > body.length) throw bad("it is shorter than its files");
    files.push({ digest, bytes: body.subarray(at, at + size) });
    at += size;
  }
  if (at !== body.length) throw bad("it is longer than its files");
  return files;
}

function readHead(head: Buffer): [Digest, number][] {
  let value: unknown;
  try {
    value = JSON.parse(head.toString("utf8"));
  } catch {
    throw bad("its list of files is not JSON");
  }
  const isEntry = (entry: unknown): entry is [Digest, number] =>
    Array.isArray(entry) &&
    entry.length === 2 &&
    isDigest(entry[0]) &&
    Number.isSafeInteger(entry[1]) &&
    entry[1] >= 0;
  if (!Array.isArray(value) || !value.every(isEntry))
    throw bad("its list of files is not [[digest, size], ...]");
  return value;
}

export function isDigest(value: unknown): value is Digest {
  return typeof value === "string" && /^sha256:[0-9a-f]{64}$/.test(value);
}

const bad = (why: string): HostError => new HostError("BAD_BATCH", `The batch cannot be read: ${why}.`);
