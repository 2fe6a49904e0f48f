import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import type { Digest } from "../../protocol/manifest.ts";
import { HostError } from "../host-error.ts";
import type { Database } from "./database.ts";
import type { DataFolders } from "./data-folder.ts";
import { requireRoom } from "./free-space.ts";
import { storageError } from "./storage-error.ts";
import type { BlobStore } from "./store.ts";
import { syncFolder } from "./sync-folder.ts";

/** How long a file that nothing refers to yet is kept for the model that has sent it or asked for it. */
export const LEASE_MS = 24 * 3600 * 1000;
/** Pieces of a stream are gathered to this before they are written: a call of the disk has its price. */
const WRITE_BYTES = 1024 * 1024;

export interface BlobOptions {
  db: Database;
  folders: DataFolders;
  now: () => Date;
}

export interface OwnBlobStore extends BlobStore {
  /** A file that lies at `from`, verified already, becomes a blob of the model. */
  adopt(model: string, digest: Digest, size: number, from: string): void;
}

/** Files by content: blobs/ab/<hex>, read-only, each written once. */
export function createBlobStore({ db, folders, now }: BlobOptions): OwnBlobStore {
  const isThere = db.prepare("SELECT 1 FROM blobs WHERE digest = ?");
  const isOurs = db.prepare("SELECT 1 FROM model_blobs WHERE model = ? AND digest = ?");
  const addBlob = db.prepare("INSERT OR IGNORE INTO blobs (digest, size, created_at) VALUES (?, ?, ?)");
  const lease = db.prepare(
    "INSERT INTO model_blobs (model, digest, leased_until) VALUES (?, ?, ?) " +
      "ON CONFLICT (model, digest) DO UPDATE SET leased_until = excluded.leased_until",
  );
  const until = (): string => new Date(now().getTime() + LEASE_MS).toISOString();

  const pathOf = (digest: Digest): string => {
    const hex = digest.slice("sha256:".length);
    return join(folders.blobs, hex.slice(0, 2), hex);
  };

  function moveTo(path: string, from: string): void {
    const made = mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    if (made !== undefined) syncFolder(folders.blobs);
    renameSync(from, path);
  }

  function adopt(model: string, digest: Digest, size: number, from: string): void {
    // Over one that is there, too: what came is verified, and that one may be damaged.
    moveTo(pathOf(digest), from);
    syncFolder(dirname(pathOf(digest)));
    db.transaction(() => {
      addBlob.run(digest, size, now().toISOString());
      lease.run(model, digest, until());
    });
  }

  return {
    pathOf,
    adopt,
    missing(model, digests) {
      const leasedUntil = until();
      return db.transaction(() =>
        digests.filter((digest) => {
          if (isOurs.get(model, digest) === undefined) return true;
          lease.run(model, digest, leasedUntil);
          return false;
        }),
      );
    },
    async write(model, digest, size, source) {
      // It may break before it is read, and an error that nobody listens to would end the host; reading tells it again.
      if (!(source instanceof Uint8Array)) source.on("error", () => undefined);
      requireRoom(folders.tmp, size);
      const existed = isOurs.get(model, digest) !== undefined;
      const temporary = join(folders.tmp, randomBytes(12).toString("hex"));
      try {
        const handle = await open(temporary, "wx", 0o444);
        try {
          await writeVerified(handle, { digest, size, source });
          await handle.datasync();
        } finally {
          await handle.close();
        }
        adopt(model, digest, size, temporary);
      } catch (error) {
        rmSync(temporary, { force: true });
        throw storageError(error);
      }
      return existed ? "existing" : "stored";
    },
    async writeMany(model, files) {
      const good = files.filter(({ digest, bytes }) => digestOf(bytes) === digest);
      const existing = good.filter(({ digest }) => isOurs.get(model, digest) !== undefined).length;
      // Those that are there already get their lease before anything is waited for: nothing may remove them meanwhile.
      const fresh = db.transaction(() => {
        const unique = [...new Map(good.map((file) => [file.digest, file])).values()];
        return unique.filter(({ digest }) => {
          if (isThere.get(digest) === undefined) return true;
          lease.run(model, digest, until());
          return false;
        });
      });
      const written = new Map<Digest, string>();
      try {
        for (const { digest, bytes } of fresh) {
          const temporary = join(folders.tmp, randomBytes(12).toString("hex"));
          written.set(digest, temporary);
          writeFileSync(temporary, bytes, { flag: "wx", mode: 0o444 });
        }
        await Promise.all([...written.values()].map(syncFile));
        const parents = new Set<string>();
        for (const [digest, temporary] of written) {
          const path = pathOf(digest);
          moveTo(path, temporary);
          parents.add(dirname(path));
        }
        for (const parent of parents) syncFolder(parent);
      } catch (error) {
        for (const temporary of written.values()) rmSync(temporary, { force: true });
        throw storageError(error);
      }
      db.transaction(() => {
        for (const { digest, bytes } of good) {
          addBlob.run(digest, bytes.length, now().toISOString());
          lease.run(model, digest, until());
        }
      });
      const failed = files.filter((file) => !good.includes(file)).map(({ digest }) => digest);
      return { stored: good.length - existing, existing, failed };
    },
  };
}

const digestOf = (bytes: Uint8Array): Digest => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

interface Contents {
  digest: Digest;
  size: number;
  source: Uint8Array | Readable;
}

async function writeVerified(handle: FileHandle, { digest, size, source }: Contents): Promise<void> {
  const hash = createHash("sha256");
  let total = 0;
  for await (const piece of gathered(source)) {
    total += piece.length;
    if (total > size) break;
    // The disk and the hash work on it at the same time: writes have threads of their own.
    const written = writeWhole(handle, piece);
    hash.update(piece);
    await written;
  }
  if (total !== size) {
    throw new HostError(
      "BAD_REQUEST",
      `The file was announced with ${size} bytes, and ${total > size ? "more" : total} came.`,
    );
  }
  const found: Digest = `sha256:${hash.digest("hex")}`;
  if (found !== digest) {
    throw new HostError("DIGEST_MISMATCH", `What came is ${found}, not ${digest}.`, {
      hint: "The file changed while it was sent, or it was damaged on its way: send it again.",
    });
  }
}

async function* gathered(source: Uint8Array | Readable): AsyncGenerator<Uint8Array> {
  if (source instanceof Uint8Array) {
    yield source;
    return;
  }
  let held: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of source as AsyncIterable<Uint8Array>) {
    held.push(piece);
    bytes += piece.length;
    if (bytes < WRITE_BYTES) continue;
    yield held.length === 1 ? piece : Buffer.concat(held);
    held = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(held);
}

/** `at` is from the start of the file; without it, where the last write ended. */
export async function writeWhole(
  handle: FileHandle,
  piece: Uint8Array,
  at: number | null = null,
): Promise<void> {
  for (let done = 0; done < piece.length;) {
    const { bytesWritten } = await handle.write(
      piece,
      done,
      piece.length - done,
      at === null ? null : at + done,
    );
    done += bytesWritten;
  }
}
