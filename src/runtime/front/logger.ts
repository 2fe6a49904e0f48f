import { readSecret } from "../channel/secret-source.ts";
import type { FrontOptions } from "./options.ts";
import { LogSink } from "./log-sink.ts";
import { isRecord, recordJson } from "./model-record.ts";
import { prettyLine, type LogRecord } from "./pretty-line.ts";

const LEVELS = { debug: 10, info: 20, warn: 30, error: 40 } as const;
export type Level = keyof typeof LEVELS;

const SECRETS_REFRESH_MS = 1000;
const MIN_SECRET_LENGTH = 4;

/** All log lines of a runtime: its own, its model's, its requests'. */
export class Logger {
  readonly #sink: LogSink;
  readonly #pretty: boolean;
  readonly #level: number;
  readonly #secretNames: Set<string>;
  #secretForms: string[] = [];
  #secretsRead = -Infinity;

  constructor(options: Pick<FrontOptions, "logFormat" | "logLevel">, secretNames: readonly string[]) {
    this.#sink = new LogSink(2);
    this.#pretty = options.logFormat === "pretty";
    this.#level = LEVELS[options.logLevel];
    this.#secretNames = new Set(secretNames);
  }

  /** Another config declares these; those of the config before stay masked, too. */
  addSecrets(names: readonly string[]): void {
    for (const name of names) this.#secretNames.add(name);
    this.#secretsRead = -Infinity;
  }

  log(level: Level, message: string, fields: Record<string, unknown> = {}): void {
    if (LEVELS[level] < this.#level) return;
    this.#write({ time: new Date().toISOString(), level, message, ...fields });
  }

  /** One line a request; the hot path of logging. */
  request(record: {
    id: string;
    method: string;
    path: string;
    status: number;
    ms: number;
    queueMs: number;
    bytes: number;
    code: string;
    traceId: string;
    worker: number;
  }): void {
    const level = record.status >= 500 ? "error" : "info";
    if (LEVELS[level] < this.#level) return;
    const { method, path, status, ms, queueMs, bytes, code, traceId, worker } = record;
    if (this.#pretty) {
      const fields = { request_id: record.id, method, path, status, ms, queue_ms: queueMs, bytes, code };
      this.#write({ time: new Date().toISOString(), level, message: "request", ...fields });
      return;
    }
    const text = JSON.stringify(`${method} ${path} ${status}`);
    const id = JSON.stringify(record.id);
    const error = code === "" ? "" : `,"code":"${code}"`;
    const trace = traceId === "" ? "" : `,"trace_id":"${traceId}"`;
    const by = worker === 0 ? "" : `,"worker":${worker}`;
    this.#emit(
      `{"time":"${timeText()}","level":"${level}","message":${text},"request_id":${id},"status":${status},"ms":${ms.toFixed(2)},"queue_ms":${queueMs.toFixed(2)},"bytes":${bytes}${error}${trace}${by}}`,
    );
  }

  /** A line that a model process printed: a record of its console, or anything native code wrote. */
  modelLine(line: string, worker: number): void {
    if (!isRecord(line)) {
      this.log("info", line, { worker });
      return;
    }
    const json = recordJson(line);
    // Records have their level in a fixed place, so most lines pass without being parsed.
    const level = /"level":"(\w+)"/.exec(json)?.[1] as Level | undefined;
    if (LEVELS[level ?? "info"] < this.#level) return;
    if (this.#pretty) this.#write(parseRecord(json));
    else this.#emit(`${json.slice(0, -1)},"worker":${worker}}`);
  }

  /** Resolves once everything that was said is written, or after `ms`. */
  drain(ms: number): Promise<void> {
    return this.#sink.drain(ms);
  }

  flush(): void {
    this.#sink.flush();
  }

  /** Text with every known secret value masked. */
  mask(text: string): string {
    if (this.#secretNames.size === 0) return text;
    const now = performance.now();
    if (now - this.#secretsRead > SECRETS_REFRESH_MS) {
      this.#secretsRead = now;
      this.#secretForms = this.#readSecretForms();
    }
    let masked = text;
    for (const form of this.#secretForms) if (masked.includes(form)) masked = masked.replaceAll(form, "***");
    return masked;
  }

  #write(record: LogRecord): void {
    this.#emit(this.#pretty ? prettyLine(record) : JSON.stringify(record));
  }

  #emit(line: string): void {
    this.#sink.write(this.mask(line));
  }

  /** A value appears as it is or as JSON escapes it; values seen before stay masked after a rotation. */
  #readSecretForms(): string[] {
    const forms = new Set(this.#secretForms);
    for (const name of this.#secretNames) {
      const value = readSecret(name, process.env);
      if (value === undefined) continue;
      for (const form of [value, JSON.stringify(value).slice(1, -1), ...value.split("\n")]) {
        if (form.trim().length >= MIN_SECRET_LENGTH) forms.add(form);
      }
    }
    return [...forms].sort((a, b) => b.length - a.length);
  }
}

function parseRecord(json: string): LogRecord {
  try {
    return JSON.parse(json) as LogRecord;
  } catch {
    return { time: new Date().toISOString(), level: "info", message: json };
  }
}

let cachedMs = 0;
let cachedText = "";

/** Many requests end in one millisecond: the text is made once for all of them. */
function timeText(): string {
  const now = Date.now();
  if (now !== cachedMs) {
    cachedMs = now;
    cachedText = new Date(now).toISOString();
  }
  return cachedText;
}
