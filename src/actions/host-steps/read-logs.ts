import { setTimeout as delay } from "node:timers/promises";
import { HostAnswerError } from "../../client/host-answer-error.ts";
import type { HostClient, LogRequest } from "../../client/host-client.ts";
import { isAppError } from "../../errors.ts";
import type { Reporter } from "../../events.ts";
import type { LogLine } from "../../protocol/host-api.ts";

const AGAIN_MS = 1000;
/** The most that a host gives at once. */
const MOST_LINES = 100_000;

export interface ReadLogsOptions {
  model: string;
  request: LogRequest;
  /** Goes on with what is said from now on, until the signal. */
  tail: boolean;
  signal?: AbortSignal | undefined;
  report: Reporter;
  onLine(line: LogLine): Promise<void>;
}

/** Lines from a host, over breaks of the connection: none is told twice, and none is left out. */
export async function readLogs(client: HostClient, options: ReadLogsOptions): Promise<void> {
  const { model, request, tail, report, signal } = options;
  let cursor = request.cursor;
  let reached = false;
  let away = false;
  for (;;) {
    try {
      // All that was said meanwhile is wanted, not the newest of it alone.
      const rest = reached && cursor !== undefined ? { ...request, cursor, limit: MOST_LINES } : request;
      const lines = await client.logs(model, rest, tail);
      if (away) report.emit({ type: "note", message: "the server is back" });
      [reached, away] = [true, false];
      for await (const line of lines) {
        cursor = line.cursor;
        await options.onLine(line);
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (!tail || !reached || !comesBack(error)) throw error;
    }
    if (!tail) return;
    signal?.throwIfAborted();
    if (!away) report.emit({ type: "note", message: "the connection broke; trying again" });
    away = true;
    await delay(AGAIN_MS, undefined, signal === undefined ? {} : { signal }).catch(() =>
      signal?.throwIfAborted(),
    );
  }
}

/** What broke off comes back, and so does a host that only a gateway answers for; what was refused does not. */
function comesBack(error: unknown): boolean {
  if (error instanceof HostAnswerError) return error.status === 429 || error.status >= 500;
  return isAppError(error) && error.code === "HOST_UNREACHABLE";
}
