import type { Readable } from "node:stream";

/** A stream that text or bytes go to: process.stdout, or a test's own. */
export interface Sink {
  /** False where the sink is full; `drained` then tells when it takes more. */
  write(chunk: string | Uint8Array): boolean;
  drained(): Promise<void>;
  /** Nobody reads it any more. */
  readonly broken: boolean;
  /** Of the terminal; 0 or undefined where they are not known. */
  columns?: number | undefined;
}

/** The world as a command sees it; tests hand in their own. */
export interface Io {
  stdin: Readable;
  stdout: Sink;
  stderr: Sink;
  env: Readonly<Record<string, string | undefined>>;
  /** Absolute. */
  cwd: string;
  isTTY: { stdin: boolean; stdout: boolean; stderr: boolean };
  /** Aborted with a CancelledError when the process is told to stop. */
  signal: AbortSignal;
}
