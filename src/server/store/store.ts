import type { Readable } from "node:stream";
import type { LogLine } from "../../protocol/host-api.ts";
import type { Digest, PackageManifest } from "../../protocol/manifest.ts";
import type { UploadOpened } from "../../protocol/transfer.ts";
import type { Database } from "./database.ts";

/** What a deployment server keeps on disk: state in a database, files by content. Survives kill -9 at any moment. */
export interface Store {
  /** Absolute. */
  readonly dir: string;
  readonly db: Database;
  readonly blobs: BlobStore;
  readonly uploads: UploadStore;
  readonly packages: PackageStore;
  readonly logs: LogStore;
  /** Removes what nothing refers to; safe beside pushes. */
  collectGarbage(options?: { graceMs?: number; dryRun?: boolean }): Promise<GarbageReport>;
  /** Reads every file again. */
  verify(onProgress?: (done: number, total: number) => void): Promise<VerifyReport>;
  /** A consistent copy of the database into a new file, while everything goes on. */
  backup(file: string): Promise<void>;
  close(): Promise<void>;
}

export interface GarbageReport {
  blobs: number;
  bytes: number;
  trees: number;
}

export interface VerifyReport {
  files: number;
  bytes: number;
  damaged: Digest[];
  missing: Digest[];
}

export interface BlobStore {
  /** Those that this model has not shown to hold; the lease of the others is renewed. */
  missing(model: string, digests: readonly Digest[]): Digest[];
  /**
   * Verified, then on disk for good, then the model's. Throws HostError DIGEST_MISMATCH, BAD_REQUEST (another length),
   * STORAGE_FULL; nothing of it is left then.
   */
  write(
    model: string,
    digest: Digest,
    size: number,
    source: Uint8Array | Readable,
  ): Promise<"stored" | "existing">;
  /** Small files at once: on disk together, and each told by itself: `failed` holds those that were not what they said. */
  writeMany(
    model: string,
    files: readonly { digest: Digest; bytes: Uint8Array }[],
  ): Promise<{ stored: number; existing: number; failed: Digest[] }>;
  /** Absolute path of a file that is there. */
  pathOf(digest: Digest): string;
}

/** Big files, in parts that are verified one by one. */
export interface UploadStore {
  /** The same digest again goes on with the upload under way. Throws HostError TOO_MANY_UPLOADS, STORAGE_FULL. */
  open(model: string, digest: Digest, size: number): UploadOpened;
  get(model: string, id: string): UploadOpened;
  /** Throws HostError NOT_FOUND, BAD_PART, PART_IN_PROGRESS, PART_MISMATCH, STORAGE_FULL. A part that is there is fine. */
  part(model: string, id: string, part: number, source: Readable, sha256: Uint8Array): Promise<void>;
  /** Hashes the whole off the main thread. Throws HostError PARTS_MISSING, DIGEST_MISMATCH (all is dropped then). */
  complete(model: string, id: string): Promise<void>;
  remove(model: string, id: string): Promise<void>;
}

export interface PushRow {
  id: string;
  model: string;
  package: Digest;
  manifest: PackageManifest;
  /** Set once committed. */
  deployment: string | null;
  expires_at: string;
}

export interface PackageStore {
  /** The manifest must have been checked. What it names is kept until the push expires. */
  openPush(model: string, manifest: PackageManifest): { push: PushRow; missing: Digest[] };
  /** Throws HostError NOT_FOUND, GONE. */
  push(model: string, id: string): PushRow;
  /**
   * One transaction: the package, what it refers to, and `work`, which returns the id of the new deployment.
   * A push that was committed already answers with what it was then, and `work` is not called.
   * Throws HostError MISSING_FILES with details.missing.
   */
  commit(push: PushRow, work: () => string): { deployment: string; fresh: boolean };
  /**
   * As a commit, without a push: the package and `work` in one transaction. `base` is one that it was made from, whose
   * files need no look. Throws HostError MISSING_FILES.
   */
  add<T>(
    model: string,
    manifest: PackageManifest,
    options: { base: PackageManifest | null; work: () => T },
  ): T;
  /** Throws HostError NOT_FOUND. */
  manifest(digest: Digest): PackageManifest;
  /** The package as a folder, made where it is not there yet; whole or absent. Returns its absolute path. */
  place(digest: Digest): Promise<string>;
  /**
   * The folder of a package that differs from one in place by its code and config alone, below `parent`: what that
   * one shares with others is linked to, so that who can see the one can see the other.
   */
  placeVariant(variant: PackageVariant): Promise<string>;
  /** Keeps garbage collection off a package whose folder is in use; returns what ends that. */
  hold(digest: Digest): () => void;
  /** Layers that packages share; links in packages lead here. Absolute. */
  readonly treesDir: string;
}

export interface PackageVariant {
  manifest: PackageManifest;
  /** Absolute folder of the package in place. */
  of: string;
  /** Absolute; made where it is not there. */
  parent: string;
}

export interface LogQuery {
  model: string;
  /** All of the model's without it. */
  deployments?: readonly string[];
  /** Lines after this one. */
  cursor?: string;
  /** ISO 8601. */
  since?: string;
  /** That level and graver ones: debug, info, warn, error. */
  level?: string;
  requestId?: string;
  contains?: string;
  /** The newest so many, told oldest first. */
  limit?: number;
}

/** A line as it comes from a replica; further fields are kept. */
export interface LogEntry {
  model: string;
  deployment: string;
  replica: string;
  /** ISO 8601. */
  at: string;
  level: string;
  message: string;
  request_id?: string;
  [field: string]: unknown;
}

/** Output of models: bounded on disk, oldest dropped first. */
export interface LogStore {
  /** Never waits and never throws; a flood is thinned, and how much was dropped is told in the log. */
  append(entry: LogEntry): void;
  read(query: LogQuery): Promise<LogLine[]>;
  /** Calls with each new line that fits, from `cursor` on or from now; returns what ends it. */
  follow(query: LogQuery, onLine: (line: LogLine) => void): () => void;
}
