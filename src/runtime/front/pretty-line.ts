export interface LogRecord {
  time: string;
  level: string;
  message: string;
  stack?: string;
  [field: string]: unknown;
}

/** The last lines of a crash report stand above it already. */
const HIDDEN = new Set(["time", "level", "message", "stack", "code", "last_lines"]);
const RED = 31;
const YELLOW = 33;
const GREEN = 32;
const GREY = 90;

/** One record for a person at a terminal: time, level where it matters, text, the rest in grey. */
export function prettyLine(record: LogRecord): string {
  const time = paint(GREY, record.time.slice(11, 23));
  if (record.message === "request") return `${time} ${requestText(record)}`;
  const text =
    record.level === "error"
      ? paint(RED, record.message)
      : record.level === "warn"
        ? paint(YELLOW, record.message)
        : record.message;
  const fields = Object.entries(record)
    .filter(([key, value]) => !HIDDEN.has(key) && value !== undefined)
    .map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`);
  const rest = fields.length === 0 ? "" : ` ${paint(GREY, fields.join(" "))}`;
  const stack = record.stack === undefined ? "" : `\n${paint(GREY, record.stack)}`;
  return `${time} ${text}${rest}${stack}`;
}

function requestText(record: LogRecord): string {
  const status = Number(record["status"]);
  const colour = status >= 500 ? RED : status >= 400 ? YELLOW : GREEN;
  const queue = Number(record["queue_ms"]);
  const waited = queue >= 1 ? ` (${queue.toFixed(0)} ms queued)` : "";
  const code = record["code"] === "" || record["code"] === undefined ? "" : ` ${String(record["code"])}`;
  const text = `${String(record["method"])} ${String(record["path"])} ${paint(colour, String(status))}${code}`;
  return `${text} ${Number(record["ms"]).toFixed(1)} ms${waited} ${paint(GREY, String(record["request_id"]))}`;
}

const { NO_COLOR, FORCE_COLOR } = process.env;
/** FORCE_COLOR: a terminal is at the end of the pipe. */
const colours = (process.stderr.isTTY || FORCE_COLOR !== undefined) && NO_COLOR === undefined;

function paint(colour: number, text: string): string {
  return colours ? `\u001b[${colour}m${text}\u001b[39m` : text;
}
