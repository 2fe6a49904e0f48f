import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { AppError } from "../../errors.ts";
import { HostError } from "../host-error.ts";
import type { Database } from "../store/database.ts";

interface SecretRow {
  name: string;
  /** Blobs come back as these. */
  nonce: ArrayBuffer;
  value: ArrayBuffer;
  tag: ArrayBuffer;
  updated_at: string;
}

export interface Secrets {
  set(name: string, value: string): void;
  list(): { name: string; updated_at: string }[];
  /** Throws HostError NOT_FOUND. */
  remove(name: string): void;
  /** Of those names that are set. */
  valuesFor(names: readonly string[]): Record<string, string>;
}

/** What is encrypted to find out whether a master key is the right one. */
const PROBE = "purlin";

/** AES-256-GCM with the name as additional data: a value cannot be put under another name. Throws AppError HOST_DATA. */
export function createSecrets(
  db: Database,
  masterKey: Uint8Array,
  now: () => Date = () => new Date(),
): Secrets {
  const all = db.prepare("SELECT * FROM secrets ORDER BY name");
  checkMasterKey(db, masterKey);

  function open({ name, ...row }: SecretRow): string {
    const [nonce, value, tag] = [Buffer.from(row.nonce), Buffer.from(row.value), Buffer.from(row.tag)];
    const decipher = createDecipheriv("aes-256-gcm", masterKey, nonce)
      .setAAD(Buffer.from(name))
      .setAuthTag(tag);
    return Buffer.concat([decipher.update(value), decipher.final()]).toString("utf8");
  }

  return {
    set(name, value) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", masterKey, nonce).setAAD(Buffer.from(name));
      const sealed = Buffer.concat([cipher.update(value, "utf8"), cipher.final()]);
      db.prepare(
        "INSERT INTO secrets (name, nonce, value, tag, updated_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE " +
          "SET nonce = excluded.nonce, value = excluded.value, tag = excluded.tag, updated_at = excluded.updated_at",
      ).run(name, nonce, sealed, cipher.getAuthTag(), now().toISOString());
    },
    list: () => (all.all() as SecretRow[]).map(({ name, updated_at }) => ({ name, updated_at })),
    remove(name) {
      const { changes } = db.prepare("DELETE FROM secrets WHERE name = ?").run(name);
      if (changes === 0) throw new HostError("NOT_FOUND", `There is no secret ${name}.`);
    },
    valuesFor(names) {
      const wanted = new Set(names);
      const rows = (all.all() as SecretRow[]).filter(({ name }) => wanted.has(name));
      return Object.fromEntries(rows.map((row) => [row.name, open(row)]));
    },
  };
}

/** The first host on a data folder leaves a sealed word; with another key it does not open. */
function checkMasterKey(db: Database, masterKey: Uint8Array): void {
  const row = db.prepare("SELECT value FROM settings WHERE key = 'master-key-check'").get() as
    { value: string } | undefined;
  // Where nothing is kept, no key is the wrong one.
  if (row === undefined || db.prepare("SELECT 1 FROM secrets LIMIT 1").get() === undefined) {
    const nonce = randomBytes(12);
    const cipher = createCipheriv("aes-256-gcm", masterKey, nonce);
    const sealed = Buffer.concat([cipher.update(PROBE), cipher.final()]);
    const value = Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString("base64");
    db.prepare("INSERT OR REPLACE INTO settings (key, value) VALUES ('master-key-check', ?)").run(value);
    return;
  }
  const bytes = Buffer.from(row.value, "base64");
  try {
    const decipher = createDecipheriv("aes-256-gcm", masterKey, bytes.subarray(0, 12)).setAuthTag(
      bytes.subarray(12, 28),
    );
    Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]);
  } catch (error) {
    throw new AppError(
      "HOST_DATA",
      "The secrets of this data folder were encrypted with another master key.",
      {
        hint: "Give that one back: PURLIN_MASTER_KEY, or the file host-master.key in the per-user folder.",
        cause: error,
      },
    );
  }
}
