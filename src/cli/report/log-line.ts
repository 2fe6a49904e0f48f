import type { LogLine } from "../../protocol/host-api.ts";
import type { Style } from "./style.ts";

/** One line of a deployment's log, for people; `time` in place of the full one. */
export function logLine(line: LogLine, style: Style, time = line.at): string {
  const { level, message, request_id, replica } = line;
  const paint = level === "error" ? style.bad : level === "warn" ? style.warn : style.dim;
  const request = request_id === undefined ? "" : style.dim(` ${request_id}`);
  return `${style.dim(`${time} ${replica.slice(-4)}`)} ${paint(level.padEnd(5))} ${message}${request}`;
}
