import { SYNC_INLINE_BYTES, type SyncRequest } from "../../protocol/development.ts";
import { LAYERS, type FileEntry } from "../../protocol/manifest.ts";
import type { TransferLimits } from "../../protocol/transfer.ts";
import { HostError } from "../host-error.ts";
import { type BatchFile, isDigest } from "../transfer/read-batch.ts";

export interface ReadSync {
  request: SyncRequest;
  files: BatchFile[];
}

/** The most that a sync may have. */
export const syncLimit = (limits: TransferLimits): number => limits.manifest_bytes + SYNC_INLINE_BYTES + 4;

/** u32be n, n bytes of JSON, then the bytes of the files that it announces. Throws HostError BAD_BATCH. */
export function parseSync(body: Buffer): ReadSync {
  if (body.length < 4) throw bad("it is shorter than its head");
  const headLength = body.readUInt32BE(0);
  if (headLength > body.length - 4) throw bad("it is shorter than its head says");
  const request = checkRequest(parseHead(body.subarray(4, 4 + headLength)));
  const files: BatchFile[] = [];
  let at = 4 + headLength;
  for (const [digest, size] of request.inline) {
    if (at + size > body.length) throw bad("it is shorter than its files");
    files.push({ digest, bytes: body.subarray(at, at + size) });
    at += size;
  }
  if (at !== body.length) throw bad("it is longer than its files");
  return { request, files };
}

function parseHead(head: Buffer): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(head.toString("utf8"));
  } catch {
    throw bad("its head is not JSON");
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw bad("its head is no object");
}

/** Paths and sizes are checked with the manifest that comes of it; here only what a field may be. */
function checkRequest(value: Record<string, unknown>): SyncRequest {
  const rules: [string, (given: unknown) => boolean][] = [
    ["session", (given) => typeof given === "string" && given.length > 0 && given.length <= 128],
    ["base", (given) => given === null || isDigest(given)],
    ["target", isDigest],
    ["live", (given) => given === null || isDigest(given)],
    ["kind", (given) => given === "methods" || given === "process"],
    ["anew", (given) => typeof given === "boolean"],
    ["strict_examples", (given) => given === undefined || typeof given === "boolean"],
    ["reason", (given) => typeof given === "string" && given.length <= 10_000],
    ["inline", isInline],
  ];
  if (value["base"] !== null) {
    rules.push(
      ["put", (given) => Array.isArray(given) && given.every(isEntry)],
      ["delete", (given) => Array.isArray(given) && given.every((path) => typeof path === "string")],
      ["about", (given) => typeof given === "object" && given !== null],
    );
  }
  for (const [name, holds] of rules) if (!holds(value[name])) throw bad(`its field ${name} is not valid`);
  return value as unknown as SyncRequest;
}

const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function isInline(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.every(
      (entry) => Array.isArray(entry) && entry.length === 2 && isDigest(entry[0]) && isSize(entry[1]),
    )
  );
}

function isEntry(value: unknown): value is FileEntry {
  if (!Array.isArray(value) || value.length !== 5) return false;
  const [layer, path, digest, size] = value as unknown[];
  return (
    (LAYERS as readonly unknown[]).includes(layer) &&
    typeof path === "string" &&
    isDigest(digest) &&
    isSize(size)
  );
}

const bad = (why: string): HostError => new HostError("BAD_BATCH", `The sync cannot be read: ${why}.`);
