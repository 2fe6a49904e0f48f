import { createHash, randomBytes } from "node:crypto";
import { closeSync, ftruncateSync, openSync, rmSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import type { Digest } from "../../protocol/manifest.ts";
import type { TransferLimits, UploadOpened } from "../../protocol/transfer.ts";
import { HostError } from "../host-error.ts";
import { type BlobOptions, LEASE_MS, type OwnBlobStore, writeWhole } from "./blob-store.ts";
import { requireRoom } from "./free-space.ts";
import { hashFile } from "./hash-file.ts";
import { storageError } from "./storage-error.ts";
import type { UploadStore } from "./store.ts";

/** Nothing has come for so long: may go once its model wants to send more files at a time than it may. */
const ABANDONED_MS = 10 * 60 * 1000;

interface UploadRow {
  id: string;
  model: string;
  digest: Digest;
  size: number;
  part_size: number;
}

/** uploads/<id>.part has its full length from the start; a part counts once its bytes are verified and on the disk. */
export function createUploadStore(
  { db, folders, now }: BlobOptions,
  blobs: OwnBlobStore,
  limits: TransferLimits,
): UploadStore {
  const byDigest = db.prepare("SELECT * FROM uploads WHERE model = ? AND digest = ?");
  const byId = db.prepare("SELECT * FROM uploads WHERE model = ? AND id = ?");
  const count = db.prepare("SELECT count(*) AS count FROM uploads WHERE model = ?");
  const parts = db.prepare("SELECT part FROM upload_parts WHERE upload = ? ORDER BY part");
  const hasPart = db.prepare("SELECT 1 FROM upload_parts WHERE upload = ? AND part = ?");
  const addPart = db.prepare("INSERT OR IGNORE INTO upload_parts (upload, part) VALUES (?, ?)");
  const idle = db.prepare("SELECT id FROM uploads WHERE model = ? AND expires_at < ?");
  const renew = db.prepare("UPDATE uploads SET expires_at = ? WHERE id = ?");
  /** Parts that a request is writing now: `<upload> <part>`. */
  const writing = new Set<string>();
  const completing = new Map<string, Promise<void>>();

  const fileOf = (id: string): string => join(folders.uploads, `${id}.part`);
  const expiry = (): string => new Date(now().getTime() + LEASE_MS).toISOString();

  function find(model: string, id: string): UploadRow {
    const row = byId.get(model, id) as UploadRow | undefined;
    if (row !== undefined) return row;
    throw new HostError("NOT_FOUND", `There is no upload ${id}.`, {
      hint: "Open it again: POST .../uploads",
    });
  }

  function describe(row: UploadRow): UploadOpened {
    const received = (parts.all(row.id) as { part: number }[]).map(({ part }) => part);
    return {
      exists: false,
      upload_id: row.id,
      part_size: row.part_size,
      parts: Math.ceil(row.size / row.part_size),
      received,
    };
  }

  function drop(id: string): void {
    db.transaction(() => {
      db.prepare("DELETE FROM upload_parts WHERE upload = ?").run(id);
      db.prepare("DELETE FROM uploads WHERE id = ?").run(id);
    });
    rmSync(fileOf(id), { force: true });
  }

  /** Of a client that went away and came back with other files: they must not keep it out for a day. */
  function dropAbandoned(model: string): void {
    if ((count.get(model) as { count: number }).count < limits.uploads_per_model) return;
    const limit = new Date(now().getTime() + LEASE_MS - ABANDONED_MS).toISOString();
    const busy = new Set([...completing.keys(), ...[...writing].map((name) => name.split(" ")[0])]);
    for (const { id } of idle.all(model, limit) as { id: string }[]) if (!busy.has(id)) drop(id);
  }

  async function finish(row: UploadRow): Promise<void> {
    const { received = [], parts: wanted = 0 } = describe(row);
    if (received.length < wanted) {
      const there = new Set(received);
      const missing = Array.from({ length: wanted }, (_, part) => part).filter((part) => !there.has(part));
      throw new HostError("PARTS_MISSING", `${missing.length} of ${wanted} parts have not come.`, {
        details: { missing },
      });
    }
    renew.run(expiry(), row.id);
    const found = await hashFile(fileOf(row.id));
    // Removed meanwhile: then there is nothing to complete.
    find(row.model, row.id);
    if (found !== row.digest) {
      drop(row.id);
      throw new HostError("DIGEST_MISMATCH", `The parts make ${found}, not ${row.digest}.`, {
        hint: "The file changed while it was sent: send it again.",
      });
    }
    const handle = await open(fileOf(row.id), "r");
    try {
      await handle.chmod(0o444);
      await handle.sync();
    } finally {
      await handle.close();
    }
    blobs.adopt(row.model, row.digest, row.size, fileOf(row.id));
    drop(row.id);
  }

  return {
    open(model, digest, size) {
      if (blobs.missing(model, [digest]).length === 0) return { exists: true };
      const under = byDigest.get(model, digest) as UploadRow | undefined;
      if (
        under !== undefined &&
        under.size === size &&
        statSync(fileOf(under.id), { throwIfNoEntry: false })
      ) {
        renew.run(expiry(), under.id);
        return describe(under);
      }
      if (under !== undefined) drop(under.id);
      dropAbandoned(model);
      if ((count.get(model) as { count: number }).count >= limits.uploads_per_model) {
        throw new HostError(
          "TOO_MANY_UPLOADS",
          `${limits.uploads_per_model} uploads of ${model} are under way.`,
          {
            retryAfter: 5,
          },
        );
      }
      // A file of its full length takes no room yet: it is the parts that would find none.
      requireRoom(folders.uploads, size);
      const id = `upl_${randomBytes(9).toString("base64url")}`;
      try {
        const handle = openSync(fileOf(id), "wx", 0o600);
        try {
          ftruncateSync(handle, size);
        } finally {
          closeSync(handle);
        }
      } catch (error) {
        rmSync(fileOf(id), { force: true });
        throw storageError(error);
      }
      const row: UploadRow = { id, model, digest, size, part_size: limits.part_bytes };
      db.prepare(
        "INSERT INTO uploads (id, model, digest, size, part_size, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
      ).run(id, model, digest, size, row.part_size, now().toISOString(), expiry());
      return describe(row);
    },
    get: (model, id) => describe(find(model, id)),
    async part(model, id, part, source, sha256) {
      // It may break before it is read, and an error that nobody listens to would end the host; reading tells it again.
      source.on("error", () => undefined);
      const row = find(model, id);
      const length = Math.min(row.part_size, row.size - part * row.part_size);
      if (!Number.isInteger(part) || part < 0 || length <= 0) {
        throw new HostError("BAD_PART", `There is no part ${part}: they count from 0.`);
      }
      if (hasPart.get(id, part) !== undefined) return;
      const name = `${id} ${part}`;
      if (writing.has(name)) {
        throw new HostError("PART_IN_PROGRESS", `Part ${part} is being sent by another request.`, {
          retryAfter: 1,
        });
      }
      writing.add(name);
      try {
        await writePart(fileOf(id), { at: part * row.part_size, length, source, sha256 });
        // Removed or completed meanwhile: then there is nothing that the part belongs to.
        find(model, id);
        db.transaction(() => {
          addPart.run(id, part);
          renew.run(expiry(), id);
        });
      } catch (error) {
        const known = storageError(error);
        // What has come so far would hold the room that nobody has.
        if (known instanceof HostError && known.code === "STORAGE_FULL") drop(id);
        throw known;
      } finally {
        writing.delete(name);
      }
    },
    async complete(model, id) {
      const row = find(model, id);
      // Asked for twice, by a client that heard no answer: done once.
      let work = completing.get(id);
      if (work === undefined) {
        work = finish(row).finally(() => completing.delete(id));
        completing.set(id, work);
      }
      await work;
    },
    async remove(model, id) {
      drop(find(model, id).id);
    },
  };
}

interface Part {
  at: number;
  length: number;
  source: Readable;
  sha256: Uint8Array;
}

async function writePart(file: string, { at, length, source, sha256 }: Part): Promise<void> {
  const hash = createHash("sha256");
  const handle = await open(file, "r+");
  try {
    let done = 0;
    for await (const piece of source as AsyncIterable<Uint8Array>) {
      if (done + piece.length > length)
        throw new HostError("BAD_PART", `A part of ${length} bytes was expected; more came.`);
      const written = writeWhole(handle, piece, at + done);
      hash.update(piece);
      await written;
      done += piece.length;
    }
    if (done !== length)
      throw new HostError("BAD_PART", `A part of ${length} bytes was expected; ${done} came.`);
    if (!hash.digest().equals(sha256)) {
      throw new HostError("PART_MISMATCH", "What came is not what its Content-Digest says.", {
        hint: "It was damaged on its way: send the part again.",
      });
    }
    await handle.datasync();
  } finally {
    await handle.close();
  }
}
