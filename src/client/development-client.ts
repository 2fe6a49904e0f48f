import { gzipSync } from "node:zlib";
import {
  type DevelopmentState,
  SYNC_TYPE,
  SYNC_WAIT_MS,
  type SyncAnswer,
  type SyncRequest,
  type WatchLine,
} from "../protocol/development.ts";
import type { HostConnection } from "./host-connection.ts";
import { readLines } from "./read-lines.ts";

/** Above a sync's own longest wait. */
const SYNC_TIMEOUT_MS = SYNC_WAIT_MS + 40_000;
/** Packing costs less than sending from here on, where there is a network in between. */
const GZIP_FROM_BYTES = 16 * 1024;

/** The routes of a development deployment as functions; see protocol/development.ts. */
export class DevelopmentClient {
  readonly #connection: HostConnection;
  readonly #path: string;
  readonly #isNear: boolean;

  constructor(connection: HostConnection, model: string) {
    this.#connection = connection;
    this.#path = `/v1/models/${encodeURIComponent(model)}/development`;
    this.#isNear = /^https?:\/\/(127\.|localhost|\[::1\])/.test(connection.url);
  }

  /** Lines for as long as the lease is held. */
  async watch(
    fields: { session: string; name: string; takeover: boolean },
    signal: AbortSignal,
  ): Promise<AsyncGenerator<WatchLine>> {
    const body = await this.#connection.open({
      method: "POST",
      path: `${this.#path}/watch`,
      headers: { "content-type": "application/json" },
      body: JSON.stringify(fields),
      once: true,
      signal,
    });
    return readLines<WatchLine>(body);
  }

  /** Throws HostAnswerError WATCH_LOST where the session does not hold the lease. */
  async renew(session: string, signal: AbortSignal): Promise<DevelopmentState> {
    const answer = await this.#connection.request({
      method: "GET",
      path: `${this.#path}?session=${session}`,
      once: true,
      signal,
    });
    return answer.body as DevelopmentState;
  }

  /** Once nothing is loading any more, or after `waitSeconds`. */
  async state(waitSeconds: number, signal: AbortSignal): Promise<DevelopmentState> {
    const answer = await this.#connection.request({
      method: "GET",
      path: `${this.#path}?wait=${waitSeconds}`,
      once: true,
      signal,
    });
    return answer.body as DevelopmentState;
  }

  /** `bytes` are those of the files in `request.inline`, in the same order. */
  async sync(request: SyncRequest, bytes: readonly Uint8Array[], signal: AbortSignal): Promise<SyncAnswer> {
    const head = Buffer.from(JSON.stringify(request));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(head.length);
    const body = Buffer.concat([length, head, ...bytes]);
    const packed = !this.#isNear && body.length >= GZIP_FROM_BYTES;
    const answer = await this.#connection.request({
      method: "POST",
      path: `${this.#path}/sync`,
      headers: { "content-type": SYNC_TYPE, ...(packed ? { "content-encoding": "gzip" } : {}) },
      body: packed ? gzipSync(body, { level: 1 }) : body,
      timeoutMs: SYNC_TIMEOUT_MS,
      once: true,
      signal,
    });
    return answer.body as SyncAnswer;
  }
}
