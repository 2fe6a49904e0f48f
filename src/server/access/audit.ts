import type { AuditEntry } from "../../protocol/host-api.ts";
import type { Database } from "../store/database.ts";

export interface Audit {
  append(entry: Omit<AuditEntry, "id" | "at">): void;
  /** Newest first; `before` is an id. */
  list(options?: { limit?: number; before?: number }): AuditEntry[];
}

/** Who changed what; the database itself refuses to change or remove an entry. */
export function createAudit(db: Database, now: () => Date = () => new Date()): Audit {
  const add = db.prepare(
    "INSERT INTO audit (at, key, key_name, action, model, status, request_id, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
  );
  return {
    append({ key, key_name, action, model, status, request_id, detail }) {
      add.run(now().toISOString(), key, key_name, action, model, status, request_id, JSON.stringify(detail));
    },
    list({ limit = 100, before = Number.MAX_SAFE_INTEGER } = {}) {
      const rows = db.prepare("SELECT * FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?").all(before, limit);
      return (rows as (Omit<AuditEntry, "detail"> & { detail: string })[]).map((row) => ({
        ...row,
        detail: JSON.parse(row.detail) as Record<string, unknown>,
      }));
    },
  };
}
