import type { LogRequest } from "../client/host-client.ts";
import type { Reporter } from "../events.ts";
import type { LogLine } from "../protocol/host-api.ts";
import { readLogs } from "./host-steps/read-logs.ts";
import { type HostAccess, withHost } from "./host-steps/with-host.ts";

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
  return withHost(options, (client) => readLogs(client, options));
}
