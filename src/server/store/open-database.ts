import { closeSync, openSync } from "node:fs";
import Libsql from "libsql";
import { AppError } from "../../errors.ts";
import type { Database, Statement } from "./database.ts";
import { MIGRATIONS } from "./migrations.ts";
import { storageError } from "./storage-error.ts";

/** How long a statement waits for another process that reads the file: a backup tool, a curious person. */
const BUSY_MS = 5000;

/**
 * Opens the database and brings it to this version. A commit is on the disk when it returns (synchronous=FULL).
 * Throws AppError HOST_DATA where a newer Purlin has written it.
 */
export function openDatabase(file: string): Database {
  const raw = openFile(file);
  raw.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
  raw.exec("PRAGMA journal_mode = WAL");
  raw.exec("PRAGMA synchronous = FULL");
  raw.exec("PRAGMA temp_store = MEMORY");
  const prepared = new Map<string, Statement>();
  let depth = 0;
  const database: Database = {
    prepare(sql) {
      let statement = prepared.get(sql);
      if (statement === undefined) {
        statement = withPlainRows(raw.prepare(sql) as unknown as Statement);
        prepared.set(sql, statement);
      }
      return statement;
    },
    transaction(work) {
      if (depth > 0) return work();
      raw.exec("BEGIN IMMEDIATE");
      depth += 1;
      try {
        const result = work();
        raw.exec("COMMIT");
        return result;
      } catch (error) {
        if (raw.inTransaction) raw.exec("ROLLBACK");
        throw storageError(error);
      } finally {
        depth -= 1;
      }
    },
    exec: (sql) => void raw.exec(sql),
    close: () => void raw.close(),
  };
  try {
    migrate(database, file);
  } catch (error) {
    database.close();
    throw error;
  }
  return database;
}

/**
 * Holds a file until `release` or the end of this process, however that comes: the system keeps such locks, so none is
 * ever stale, and they hold between containers that share a disk. Null where another one holds it.
 */
export function holdFile(file: string): { release(): void } | null {
  const raw = openFile(file);
  try {
    raw.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    raw.close();
    if ((error as { code?: string }).code === "SQLITE_BUSY") return null;
    throw error;
  }
  return { release: () => void raw.close() };
}

/** For this user alone; the files that SQLite puts beside it have the mode of this one. */
function openFile(file: string): Libsql.Database {
  try {
    // Never one that is there: closing it would end the locks that this process holds on it.
    closeSync(openSync(file, "wx", 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  return new Libsql(file);
}

/** A row of `get` comes with a field of the library's own, which would go out with every answer made of rows. */
function withPlainRows(statement: Statement): Statement {
  return {
    run(...values) {
      try {
        return statement.run(...values);
      } catch (error) {
        throw storageError(error);
      }
    },
    all: (...values) => statement.all(...values),
    get(...values) {
      const row = statement.get(...values) as Record<string, unknown> | undefined;
      if (row !== undefined) delete row["_metadata"];
      return row;
    },
  };
}

function migrate(database: Database, file: string): void {
  const { user_version: version } = database.prepare("PRAGMA user_version").get() as { user_version: number };
  if (version > MIGRATIONS.length) {
    throw new AppError(
      "HOST_DATA",
      `${file} was written by a newer Purlin (version ${version} of the data).`,
      {
        hint: `This one reads up to version ${MIGRATIONS.length}: install the newer Purlin, or name another folder with --data.`,
      },
    );
  }
  for (const [at, sql] of MIGRATIONS.entries()) {
    if (at < version) continue;
    database.transaction(() => {
      database.exec(sql);
      database.exec(`PRAGMA user_version = ${at + 1}`);
    });
  }
}
