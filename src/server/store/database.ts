/** The part of libsql's synchronous interface that the server uses: statements, transactions, nothing else. */
export interface Statement {
  run(...values: SqlValue[]): { changes: number; lastInsertRowid: number | bigint };
  get(...values: SqlValue[]): unknown;
  all(...values: SqlValue[]): unknown[];
}

export type SqlValue = string | number | null | Uint8Array;

export interface Database {
  /** Prepared once for each text and kept. */
  prepare(sql: string): Statement;
  /** All of `work` or nothing, on disk when it returns. Never across an `await`. Calls within calls join. */
  transaction<T>(work: () => T): T;
  exec(sql: string): void;
  close(): void;
}
