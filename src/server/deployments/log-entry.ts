import type { LogEntry } from "../store/store.ts";
import type { DeploymentRow } from "./deployment-row.ts";

/** A line of a runtime's output: its own JSON with what it is from, or text of something that wrote past the log. */
export function toLogEntry(
  { model, id, environment }: DeploymentRow,
  replica: string,
  line: string,
): LogEntry {
  const from = { model, deployment: id, environment, replica };
  const plain = { ...from, at: new Date().toISOString(), level: "info", message: line };
  if (!line.startsWith("{")) return plain;
  try {
    const { time, at, level, message, ...fields } = JSON.parse(line) as Record<string, unknown>;
    if (typeof message !== "string") return plain;
    return {
      ...fields,
      ...from,
      at: typeof time === "string" ? time : typeof at === "string" ? at : plain.at,
      level: typeof level === "string" ? level : "info",
      message,
    };
  } catch {
    return plain;
  }
}
