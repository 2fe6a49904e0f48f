import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { versionOf } from "./pins.ts";

export const ROWS = fileURLToPath(new URL("../rows/", import.meta.url));

export const TARGET_KINDS = ["serve", "host", "tls", "own"] as const;
/** `own`: the rows start what they call themselves. */
export type TargetKind = (typeof TARGET_KINDS)[number];

/** One file of rows: calls of one client, in the client's language. */
export interface RowFile {
  /** `openai.py` */
  name: string;
  path: string;
  language: "js" | "ts" | "python" | "go" | "java";
  /** As the table shows it: "OpenAI SDK for Python". */
  client: string;
  /** Pinned packages, whose versions the table shows. */
  pins: string[];
  /** Programs that must be on this machine. */
  needs: string[];
  targets: TargetKind[];
  /** Folders of test/clients/models that must be running. */
  models: string[];
  /** The virtual environment of a Python file. */
  python: string;
  minutes: number;
}

const LANGUAGES: Record<string, RowFile["language"]> = {
  ".mjs": "js",
  ".ts": "ts",
  ".py": "python",
  ".go": "go",
  ".java": "java",
};
const KEYS = ["client", "pins", "needs", "targets", "models", "python", "minutes"];
const PROGRAMS: Record<RowFile["language"], string[]> = {
  js: ["npm"],
  ts: [],
  python: ["python3"],
  go: ["go"],
  java: ["javac", "java"],
};

/** Every file of rows whose name contains one of the filters. */
export function rowFiles(filters: readonly string[] = []): RowFile[] {
  return readdirSync(ROWS)
    .filter((name) => extname(name) in LANGUAGES)
    .filter((name) => filters.length === 0 || filters.some((filter) => name.includes(filter)))
    .sort()
    .map((name) => readRowFile(name, readFileSync(join(ROWS, name), "utf8")));
}

/** What the comment at the head of the file says: lines of `key: value`. */
export function readRowFile(name: string, text: string): RowFile {
  const head: Record<string, string> = {};
  for (const line of text.split("\n")) {
    const [, comment] = /^(?:\/\/|#)\s?(.*)$/.exec(line) ?? [];
    if (comment === undefined) break;
    const [, key = "", value = ""] = /^(\w+): (.+)$/.exec(comment) ?? [];
    if (key === "") continue;
    if (!KEYS.includes(key)) throw new Error(`${name}: "${key}" is none of ${KEYS.join(", ")}`);
    head[key] = value.trim();
  }
  const list = (key: string): string[] => (head[key] ?? "").split(/,\s*/).filter((each) => each !== "");
  const language = LANGUAGES[extname(name)];
  if (!language || !head["client"]) throw new Error(`${name}: its first lines name no client`);
  const targets = list("targets");
  const unknown = targets.find((each) => !(TARGET_KINDS as readonly string[]).includes(each));
  if (unknown !== undefined || targets.length === 0) {
    throw new Error(`${name}: "targets:" is a list of ${TARGET_KINDS.join(", ")}`);
  }
  const pins = list("pins");
  for (const pin of pins) versionOf(pin);
  return {
    name,
    path: join(ROWS, name),
    language,
    client: head["client"],
    pins,
    needs: [...new Set([...PROGRAMS[language], ...list("needs")])],
    targets: targets as TargetKind[],
    models: list("models"),
    python: head["python"] ?? "sdk",
    minutes: Number(head["minutes"] ?? 3),
  };
}
