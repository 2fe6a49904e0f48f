import { readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { fileURLToPath } from "node:url";

/** An HttpError of any copy of the sdk. */
export interface UserHttpError {
  status: number;
  detail: unknown;
  headers: Record<string, string>;
  code: string;
}

/** All of the model process is one file. */
const OWN_FILE = import.meta.url;

const HTTP_ERROR = Symbol.for("purlin.HttpError");

/** Deeper causes are not told; a cause may be its own. */
const MAX_CAUSES = 8;

/** Null for any other value, also for one that throws when it is looked at. */
export function asHttpError(thrown: unknown): UserHttpError | null {
  try {
    return readHttpError(thrown);
  } catch {
    return null;
  }
}

function readHttpError(thrown: unknown): UserHttpError | null {
  if (typeof thrown !== "object" || thrown === null || !(HTTP_ERROR in thrown)) return null;
  const { status, detail, headers, code } = thrown as unknown as UserHttpError;
  // The object is the author's to change; a status that HTTP does not have makes it a throw like any other.
  if (!Number.isInteger(status) || status < 400 || status > 599) return null;
  return { status, detail, headers: headers ?? {}, code: typeof code === "string" ? code : "HTTP_ERROR" };
}

/**
 * A thrown value's message and its stack as the author knows it: source-mapped, without our frames.
 * Never throws, whatever was thrown.
 */
export function describeThrown(thrown: unknown): { message: string; stack: string | undefined } {
  return describe(thrown, 0);
}

function describe(thrown: unknown, depth: number): { message: string; stack: string | undefined } {
  try {
    if (!(thrown instanceof Error)) return { message: `threw ${inspectBriefly(thrown)}`, stack: undefined };
    const name = String(thrown.name || "Error");
    const text = String(thrown.message);
    const stack = typeof thrown.stack === "string" ? userFrames(thrown.stack) : [];
    const cause = thrown.cause === undefined || depth === MAX_CAUSES ? "" : causeText(thrown.cause, depth);
    return {
      message: text === "" ? name : `${name}: ${text}`,
      stack: stack.length === 0 && cause === "" ? undefined : stack.join("\n") + cause,
    };
  } catch {
    // Its getters or traps throw.
    return { message: "threw a value that cannot be looked at", stack: undefined };
  }
}

function causeText(cause: unknown, depth: number): string {
  const { message, stack } = describe(cause, depth + 1);
  return `\ncaused by ${stack === undefined ? message : `${message}\n${stack}`}`;
}

function userFrames(stack: string): string[] {
  const frames: string[] = [];
  for (const line of stack.split("\n")) {
    if (!/^\s+at /.test(line)) continue;
    if (line.includes(OWN_FILE) || /\(?node:/.test(line)) continue;
    frames.push(mapFrame(line));
  }
  return frames;
}

function mapFrame(line: string): string {
  const match = /^(.*?)(file:\/\/[^\s)]+):(\d+):(\d+)(\)?)$/.exec(line);
  if (match === null) return line;
  const [, before = "", url = "", row = "0", column = "0", after = ""] = match;
  const place = originalPlace(url, Number(row) - 1, Number(column) - 1);
  return place === null ? line : `${before}${place}${after}`;
}

const maps = new Map<string, SourceMap | null>();

/** Maps are read when an error is told, not at start: a large one costs tens of milliseconds. */
function originalPlace(url: string, line: number, column: number): string | null {
  const bare = url.replace(/\?.*$/, "");
  let map = maps.get(bare);
  if (map === undefined) maps.set(bare, (map = readMap(bare)));
  if (map === null) return null;
  const entry = map.findEntry(line, column);
  if (!("originalSource" in entry)) return null;
  const source = entry.originalSource.replace(/^(\.\.\/)+/, "");
  return `${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
}

function readMap(url: string): SourceMap | null {
  try {
    return new SourceMap(JSON.parse(readFileSync(`${fileURLToPath(url)}.map`, "utf8")) as never);
  } catch {
    // A package without source maps still has a usable stack.
    return null;
  }
}

function inspectBriefly(value: unknown): string {
  try {
    const text = typeof value === "string" ? JSON.stringify(value) : String(value);
    return text.length > 500 ? `${text.slice(0, 500)}…` : text;
  } catch {
    return `a ${typeof value}`;
  }
}
