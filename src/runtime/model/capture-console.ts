import { consoleRecord } from "./console-record.ts";
import { log, type Level } from "./log.ts";

const LEVELS: Record<string, Level> = {
  log: "info",
  info: "info",
  debug: "debug",
  trace: "debug",
  warn: "warn",
  error: "error",
};

/** Turns user code's console.* and direct writes to stdout and stderr into log records. */
export function captureConsole(): void {
  const target = console as unknown as Record<string, unknown>;
  for (const [name, level] of Object.entries(LEVELS)) {
    target[name] = (...args: unknown[]) => {
      const { message, fields } = consoleRecord(args);
      log(level, message, fields);
    };
  }
  captureWhenUsed("stdout", "info");
  captureWhenUsed("stderr", "error");
}

/** Node makes these streams when they are first touched, which costs milliseconds; most models never do. */
function captureWhenUsed(name: "stdout" | "stderr", level: Level): void {
  const original = Object.getOwnPropertyDescriptor(process, name)?.get as () => NodeJS.WriteStream;
  let stream: NodeJS.WriteStream | undefined;
  Object.defineProperty(process, name, {
    configurable: true,
    enumerable: true,
    get() {
      if (stream === undefined) {
        stream = original.call(process);
        captureWrites(stream, level);
      }
      return stream;
    },
  });
}

function captureWrites(stream: NodeJS.WriteStream, level: Level): void {
  let held = "";
  const write = (chunk: string | Uint8Array, encoding?: unknown, callback?: unknown): boolean => {
    held += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("utf8");
    const lines = held.split("\n");
    held = lines.pop() as string;
    for (const line of lines) if (line !== "") log(level, line);
    const done = typeof encoding === "function" ? encoding : callback;
    if (typeof done === "function") queueMicrotask(done as () => void);
    return true;
  };
  stream.write = write as typeof stream.write;
  process.on("exit", () => {
    if (held !== "") log(level, held);
  });
}
