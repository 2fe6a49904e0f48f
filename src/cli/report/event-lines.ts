import type { ActionEvent, ReloadKind, WatchEvent } from "../../events.ts";
import { renderProblems } from "../render-problems.ts";
import { formatCount, formatMs } from "./format.ts";
import { logLine } from "./log-line.ts";
import type { Style } from "./style.ts";

export interface EventLinesOptions {
  style: Style;
  verbose: boolean;
}

/** Events that leave lines behind; a step, its progress and what is live are the reporter's own last line. */
export type LineEvent = Exclude<ActionEvent, { type: "step" | "progress" | "live" }>;

export function eventLines(event: LineEvent, options: EventLinesOptions): string[] {
  const { style, verbose } = options;
  switch (event.type) {
    case "warning":
      return [
        `${style.warn("warning")} ${event.message}`,
        ...(event.hint ? [`${style.dim("hint")}    ${event.hint}`] : []),
      ];
    case "note":
      return [event.message];
    case "problems":
      return [event.title, ...renderProblems(event.problems, style)];
    default:
      return watchLines(event, style, verbose);
  }
}

/** One line a save, with what was done, why, and where the time went. */
function watchLines(event: Exclude<WatchEvent, { type: "live" }>, style: Style, verbose: boolean): string[] {
  switch (event.type) {
    case "watching": {
      const how = event.polling ? " (by polling: this folder sends no events)" : "";
      return [style.dim(`watching ${formatCount(event.files, "file")}${how}`)];
    }
    case "change":
    case "reload-started":
      return verbose ? [style.dim(`${time()} ${filesText(event.files)}: ${describe(event)}`)] : [];
    case "reloaded": {
      const phases = Object.entries(event.phases_ms).map(([name, ms]) => `${name} ${formatMs(ms)}`);
      const took = style.strong(formatMs(event.total_ms));
      const why = event.reason === "" ? "" : `: ${event.reason}`;
      const where = `${shortDigest(event.digest)} on ${formatCount(event.replicas, "replica")}`;
      return [
        `${style.dim(time())} ${style.good("live")} ${filesText(event.files)} in ${took}; ${KINDS[event.kind]}${why}`,
        `${" ".repeat(time().length)} ${style.dim([where, ...phases].join(", "))}`,
      ];
    }
    case "output":
      return [event.text];
    case "log":
      return [logLine(event.line, style, clock(event.line.at))];
    case "unchanged":
      return [style.dim(`${time()} ${filesText(event.files)}: saved, nothing in it changed`)];
    case "examples-changed":
      return exampleLines(event, style);
    case "reload-failed":
      return [
        `${style.dim(time())} ${style.bad("not live")} ${filesText(event.files)}: the code before it keeps serving`,
        ...renderProblems(event.problems, style),
      ];
    case "loop-stopped":
      return [
        `${style.warn("warning")} ${event.file} was written ${event.count} times in a row, by the reloads themselves as it seems; its changes are ignored now`,
        `${style.dim("hint")}    Add it to .purlinignore, or write it elsewhere.`,
      ];
  }
}

/** Not a mistake: what the new code answers, and how to keep that. */
function exampleLines(
  { differences, keys }: Extract<WatchEvent, { type: "examples-changed" }>,
  style: Style,
): string[] {
  const what = differences.map(
    ({ name, difference }) =>
      `${style.dim(time())} the answer to \`${style.strong(name)}\` changed: ${difference}`,
  );
  const how = `Keep ${differences.length === 1 ? "it" : "them"} with purlin test --update${keys ? ", or press u" : ""}.`;
  return [...what, `${style.dim("hint")}    ${how}`];
}

const KINDS: Record<ReloadKind, string> = {
  none: "live already, nothing sent",
  settings: "settings applied, nothing reloaded",
  methods: "methods replaced, weights kept",
  process: "new process, weights loaded anew",
  generation: "new generation, weights loaded anew",
};

function describe(event: Extract<WatchEvent, { type: "change" | "reload-started" }>): string {
  return event.type === "change" ? "changed" : `${event.kind}: ${event.reason}`;
}

function filesText(files: readonly string[]): string {
  const [first, ...rest] = files;
  // Nobody has saved anything: it was asked for, or it is the first time.
  if (first === undefined) return "the project";
  return rest.length === 0 ? first : `${first} and ${formatCount(rest.length, "more file")}`;
}

export function shortDigest(digest: string): string {
  return digest.replace(/^sha256:/, "").slice(0, 12);
}

function time(): string {
  return clock(Date.now());
}

/** As the clock on the wall shows it. */
function clock(at: string | number): string {
  return new Date(at).toTimeString().slice(0, 8);
}
