import { spawn } from "node:child_process";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { until } from "./until.ts";

export const PURLIN_BIN = fileURLToPath(new URL("../../bin/purlin.js", import.meta.url));

export interface SpawnCliOptions {
  cwd: string;
  /** Laid over the environment of the test, without CI and colour variables. */
  env?: Record<string, string | undefined>;
  /** Written to stdin, which is then closed; without it stdin is closed at once. */
  input?: string | Uint8Array;
  /** Runs another command than `node bin/purlin.js`. */
  command?: [string, ...string[]];
}

export interface SpawnedCli {
  pid: number;
  /** Everything so far. */
  stdout(): string;
  stderr(): string;
  stdoutBytes(): Buffer;
  /** Waits until stdout (or stderr) matches and returns the match. */
  waitFor(
    pattern: RegExp,
    options?: { timeout?: number; stream?: "stdout" | "stderr" },
  ): Promise<RegExpMatchArray>;
  kill(signal?: NodeJS.Signals): void;
  /** Both streams are at their end. */
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** The built command line as a process of its own. It is killed after the test if it still runs. */
export function spawnCli(
  t: Pick<TestContext, "after">,
  args: string[],
  options: SpawnCliOptions,
): SpawnedCli {
  const [file, ...prefix] = options.command ?? [process.execPath, PURLIN_BIN];
  const child = spawn(file, [...prefix, ...args], {
    cwd: options.cwd,
    env: { ...withoutOutputVariables(process.env), ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const chunks = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  child.stdout.on("data", (chunk: Buffer) => chunks.stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => chunks.stderr.push(chunk));
  // A process that ends without reading its input is no fault of the test.
  child.stdin.on("error", () => {});
  child.stdin.end(options.input);

  const text = (stream: "stdout" | "stderr") => Buffer.concat(chunks[stream]).toString("utf8");
  let ended = false;
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      ended = true;
      resolve({ code, signal });
    });
  });
  t.after(async () => {
    if (!ended) child.kill("SIGKILL");
    await exited.catch(() => {});
  });

  return {
    pid: child.pid ?? -1,
    stdout: () => text("stdout"),
    stderr: () => text("stderr"),
    stdoutBytes: () => Buffer.concat(chunks.stdout),
    kill: (signal = "SIGTERM") => void child.kill(signal),
    exited,
    async waitFor(pattern, { timeout = 20_000, stream = "stdout" } = {}) {
      const found = await until(() => text(stream).match(pattern) ?? (ended ? "ended" : null), {
        timeout,
        what: () => `${String(pattern)} on ${stream}; ${describe(text)}`,
      });
      if (found === "ended") throw new Error(`it ended before ${String(pattern)}; ${describe(text)}`);
      return found as RegExpMatchArray;
    },
  };
}

/** Runs the built command line to its end. */
export async function execCli(
  t: Pick<TestContext, "after">,
  args: string[],
  options: SpawnCliOptions,
): Promise<{ code: number | null; signal: NodeJS.Signals | null; stdout: string; stderr: string }> {
  const cli = spawnCli(t, args, options);
  const ended = await cli.exited;
  return { ...ended, stdout: cli.stdout(), stderr: cli.stderr() };
}

function describe(text: (stream: "stdout" | "stderr") => string): string {
  return `stdout: ${JSON.stringify(text("stdout").slice(-2000))}, stderr: ${JSON.stringify(text("stderr").slice(-2000))}`;
}

function withoutOutputVariables(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { CI: _ci, NO_COLOR: _noColor, FORCE_COLOR: _force, NODE_OPTIONS: _options, ...rest } = env;
  // Set by the test runner for its own children.
  delete rest.NODE_TEST_CONTEXT;
  return rest;
}
