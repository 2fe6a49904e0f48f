import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { KeyCreated, KeyInfo, KeyScope } from "../../protocol/host-api.ts";
import { HostError } from "../host-error.ts";
import type { Database } from "../store/database.ts";

/** The key that a host is started with; it is not in the database and cannot be revoked there. */
const ADMIN_ID = "key_host";
const USED_EVERY_MS = 60_000;

interface KeyRow {
  id: string;
  name: string;
  hash: string;
  scope: KeyScope;
  models: string | null;
  created_at: string;
  last_used_at: string | null;
  revoked_at: string | null;
}

interface CachedKey {
  id: string;
  name: string;
  scope: KeyScope;
  models: string[] | null;
  hash: Buffer;
  usedAt: number;
}

export interface Keys {
  /** Of `Authorization: Bearer KEY` or `Api-Key KEY`. Throws HostError UNAUTHENTICATED. */
  check(authorization: string | undefined): {
    id: string;
    name: string;
    scope: KeyScope;
    models: string[] | null;
  };
  list(): KeyInfo[];
  create(options: { name: string; scope: KeyScope; models: string[] | null }): KeyCreated;
  /** Throws HostError NOT_FOUND. */
  revoke(id: string): KeyInfo;
}

/** Keys are random and stored as their SHA-256: what has 256 bits of chance needs no slow hash. */
export function createKeys(db: Database, adminKey: string, now: () => Date = () => new Date()): Keys {
  const byHash = new Map<string, CachedKey>();
  remember({
    id: ADMIN_ID,
    name: "host",
    scope: "admin",
    models: null,
    hash: hashOf(adminKey),
    usedAt: Infinity,
  });
  for (const row of db.prepare("SELECT * FROM keys WHERE revoked_at IS NULL").all() as KeyRow[]) {
    remember({
      id: row.id,
      name: row.name,
      scope: row.scope,
      models: row.models === null ? null : (JSON.parse(row.models) as string[]),
      hash: Buffer.from(row.hash, "hex"),
      usedAt: 0,
    });
  }
  const touch = db.prepare("UPDATE keys SET last_used_at = ? WHERE id = ?");

  function remember(key: CachedKey): void {
    byHash.set(key.hash.toString("hex"), key);
  }

  return {
    check(authorization) {
      const given = /^(?:Bearer|Api-Key)\s+(\S+)\s*$/i.exec(authorization ?? "")?.[1];
      if (given === undefined) {
        throw new HostError("UNAUTHENTICATED", "The request carries no key.", {
          hint: "Send Authorization: Bearer KEY.",
        });
      }
      const hash = hashOf(given);
      // Found by its hash, which tells nothing about a key; compared in constant time all the same.
      const key = byHash.get(hash.toString("hex"));
      if (key === undefined || !timingSafeEqual(key.hash, hash)) {
        throw new HostError("UNAUTHENTICATED", "The key is not one of this host, or it was revoked.", {
          hint: "Ask for one: purlin keys create NAME",
        });
      }
      const at = now().getTime();
      if (at - key.usedAt > USED_EVERY_MS) {
        key.usedAt = at;
        try {
          touch.run(new Date(at).toISOString(), key.id);
        } catch {
          // A full disk: when a key was used last is not worth a request.
        }
      }
      return key;
    },
    list: () => (db.prepare("SELECT * FROM keys ORDER BY created_at, id").all() as KeyRow[]).map(infoOf),
    create({ name, scope, models }) {
      const key = `plk_${randomBytes(32).toString("base64url")}`;
      const row: KeyRow = {
        id: `key_${randomBytes(6).toString("hex")}`,
        name,
        hash: hashOf(key).toString("hex"),
        scope,
        models: models === null ? null : JSON.stringify(models),
        created_at: now().toISOString(),
        last_used_at: null,
        revoked_at: null,
      };
      db.prepare(
        "INSERT INTO keys (id, name, hash, scope, models, created_at) VALUES (?, ?, ?, ?, ?, ?)",
      ).run(row.id, name, row.hash, scope, row.models, row.created_at);
      remember({ id: row.id, name, scope, models, hash: Buffer.from(row.hash, "hex"), usedAt: 0 });
      return { ...infoOf(row), key };
    },
    revoke(id) {
      const row = db.prepare("SELECT * FROM keys WHERE id = ?").get(id) as KeyRow | undefined;
      if (row === undefined) {
        throw new HostError("NOT_FOUND", `There is no key ${id}.`, { hint: "purlin keys list names them." });
      }
      const revoked_at = row.revoked_at ?? now().toISOString();
      db.prepare("UPDATE keys SET revoked_at = ? WHERE id = ?").run(revoked_at, id);
      byHash.delete(row.hash);
      return infoOf({ ...row, revoked_at });
    },
  };
}

const hashOf = (key: string): Buffer => createHash("sha256").update(key).digest();

function infoOf({ hash: _hash, models, ...row }: KeyRow): KeyInfo {
  return { ...row, models: models === null ? null : (JSON.parse(models) as string[]) };
}
