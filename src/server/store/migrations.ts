/**
 * The database, version by version: entry n brings version n to n+1. Never edit an entry that was released; add one.
 * Times are ISO 8601 text in UTC. Booleans are absent: a time or NULL says more.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE models (name TEXT PRIMARY KEY, created_at TEXT NOT NULL) STRICT;

  -- Files that are on disk, by content.
  CREATE TABLE blobs (digest TEXT PRIMARY KEY, size INTEGER NOT NULL, created_at TEXT NOT NULL) STRICT;
  -- Which model has shown that it holds a file; renewed when asked for.
  CREATE TABLE model_blobs (
    model TEXT NOT NULL, digest TEXT NOT NULL, leased_until TEXT NOT NULL,
    PRIMARY KEY (model, digest)) STRICT, WITHOUT ROWID;
  CREATE INDEX model_blobs_digest ON model_blobs (digest);

  CREATE TABLE packages (
    digest TEXT PRIMARY KEY, manifest TEXT NOT NULL, target TEXT NOT NULL,
    files INTEGER NOT NULL, bytes INTEGER NOT NULL, created_at TEXT NOT NULL) STRICT;
  CREATE TABLE package_blobs (
    package TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (package, digest)) STRICT, WITHOUT ROWID;
  CREATE INDEX package_blobs_digest ON package_blobs (digest);
  CREATE TABLE model_packages (
    model TEXT NOT NULL, package TEXT NOT NULL, committed_at TEXT NOT NULL,
    PRIMARY KEY (model, package)) STRICT, WITHOUT ROWID;

  CREATE TABLE pushes (
    id TEXT PRIMARY KEY, model TEXT NOT NULL, package TEXT NOT NULL, manifest TEXT NOT NULL,
    created_at TEXT NOT NULL, expires_at TEXT NOT NULL, deployment TEXT) STRICT;
  CREATE TABLE uploads (
    id TEXT PRIMARY KEY, model TEXT NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL,
    part_size INTEGER NOT NULL, created_at TEXT NOT NULL, expires_at TEXT NOT NULL,
    UNIQUE (model, digest)) STRICT;
  CREATE TABLE upload_parts (
    upload TEXT NOT NULL, part INTEGER NOT NULL, PRIMARY KEY (upload, part)) STRICT, WITHOUT ROWID;

  CREATE TABLE deployments (
    id TEXT PRIMARY KEY, model TEXT NOT NULL, environment TEXT NOT NULL, package TEXT NOT NULL,
    state TEXT NOT NULL, message TEXT, rollout INTEGER, created_at TEXT NOT NULL, created_by TEXT NOT NULL,
    activated_at TEXT, ended_at TEXT, error TEXT) STRICT;
  CREATE INDEX deployments_model ON deployments (model, environment, created_at);
  -- One row is the one visible act: what serves an environment.
  CREATE TABLE environments (
    model TEXT NOT NULL, name TEXT NOT NULL, desired TEXT, serving TEXT,
    rollout_deployment TEXT, rollout_percent INTEGER, rollout_since TEXT, updated_at TEXT NOT NULL,
    PRIMARY KEY (model, name)) STRICT, WITHOUT ROWID;
  CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT, deployment TEXT NOT NULL, at TEXT NOT NULL,
    type TEXT NOT NULL, message TEXT NOT NULL, data TEXT) STRICT;
  CREATE INDEX events_deployment ON events (deployment, id);

  CREATE TABLE keys (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, hash TEXT NOT NULL UNIQUE, scope TEXT NOT NULL, models TEXT,
    created_at TEXT NOT NULL, last_used_at TEXT, revoked_at TEXT) STRICT;
  CREATE TABLE secrets (
    name TEXT PRIMARY KEY, nonce BLOB NOT NULL, value BLOB NOT NULL, tag BLOB NOT NULL, updated_at TEXT NOT NULL) STRICT;
  CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, key TEXT NOT NULL, key_name TEXT NOT NULL,
    action TEXT NOT NULL, model TEXT, status INTEGER NOT NULL, request_id TEXT NOT NULL, detail TEXT NOT NULL) STRICT;
  CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
  CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
  CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
  `,
  `
  -- What a development deployment was sent last: the package that the next change is compared with.
  CREATE TABLE heads (
    model TEXT PRIMARY KEY, package TEXT NOT NULL, deployment TEXT NOT NULL) STRICT, WITHOUT ROWID;
  `,
];
