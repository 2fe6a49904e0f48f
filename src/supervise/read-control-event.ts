import type { ControlEvent } from "../protocol/control.ts";

type Kind = "text" | "number" | "list";
type Fields = Record<string, Kind>;

/** What each event must have; what it may have beside that is looked at by `OPTIONAL`. */
const REQUIRED: Record<ControlEvent["type"], Fields> = {
  listening: { url: "text" },
  loading: {},
  ready: { digest: "text", load_ms: "number" },
  failed: { error: "text", reason: "text" },
  crashed: { reason: "text" },
  vitals: { id: "number", processes: "list" },
  debugger: { url: "text" },
  "cpu-profile": { file: "text", seconds: "number" },
  reloaded: { id: "number" },
};
const OPTIONAL: Fields = {
  stack: "text",
  error: "text",
  kind: "text",
  duration_ms: "number",
  processes: "number",
};

/** One line of a control channel, or null for what no runtime says. The channel is the model's to write to, too. */
export function readControlEvent(line: string): ControlEvent | null {
  let event: Record<string, unknown>;
  try {
    event = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return null;
  }
  if (typeof event !== "object" || event === null) return null;
  const { type } = event;
  if (typeof type !== "string" || !Object.hasOwn(REQUIRED, type)) return null;
  const required = REQUIRED[type as ControlEvent["type"]];
  const isRight =
    Object.entries(required).every(([name, kind]) => isOf(event[name], kind)) &&
    Object.entries(OPTIONAL).every(
      ([name, kind]) => name in required || event[name] === undefined || isOf(event[name], kind),
    );
  if (!isRight) return null;
  if (type === "reloaded" && typeof event["ok"] !== "boolean") return null;
  if (type === "reloaded" && event["ok"] === false && typeof event["error"] !== "string") return null;
  return event as unknown as ControlEvent;
}

function isOf(value: unknown, kind: Kind): boolean {
  if (kind === "list") return Array.isArray(value);
  return kind === "text" ? typeof value === "string" : typeof value === "number";
}
