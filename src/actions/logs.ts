import { setTimeout as delay } from "node:timers/promises";
import type { LogRequest } from "../client/host-client.ts";
import { isAppError } from "../errors.ts";
import type { Reporter } from "../events.ts";
import type { LogLine } from "../protocol/host-api.ts";
import { type HostAccess, withHost } from "./host-steps/with-host.ts";

const AGAIN_MS = 1000;

export interface LogsOptions extends HostAccess {
  model: string;
  request: LogRequest;
  /** Goes on with what is said from now on, until the signal. */
  tail: boolean;
  report: Reporter;
  onLine(line: LogLine): Promise<void>;
}

/** Log lines of a model. With `tail`, a connection that breaks is taken up again behind the last line that came. */
export function logs(options: LogsOptions): Promise<void> {
  const { model, request, tail, report, signal } = options;
  return withHost(options, async (client) => {
    let cursor = request.cursor;
    let away = false;
    for (;;) {
      try {
        for await (const line of client.logs(model, { ...request, cursor }, tail)) {
          if (away) report.emit({ type: "note", message: "the server is back" });
          away = false;
          cursor = line.cursor;
          await options.onLine(line);
        }
      } catch (error) {
        signal?.throwIfAborted();
        // Refused is refused; what broke off comes back.
        if (!tail || (isAppError(error) && error.code !== "HOST_UNREACHABLE")) throw error;
        if (cursor === undefined && !away && isAppError(error)) throw error;
      }
      if (!tail) return;
      signal?.throwIfAborted();
      if (!away) report.emit({ type: "note", message: "the connection broke; trying again" });
      away = true;
      await delay(AGAIN_MS, undefined, signal === undefined ? {} : { signal }).catch(() =>
        signal?.throwIfAborted(),
      );
    }
  });
}
