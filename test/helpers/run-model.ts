import { cp, mkdir, readdir, readFile, readlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { Config } from "../../src/protocol/config.ts";
import type { ControlEvent } from "../../src/protocol/control.ts";
import { validateConfig } from "../../src/project/validate-config.ts";
import type { RunningRuntime } from "../../src/supervise/running-runtime.ts";
import { startRuntime } from "../../src/supervise/start-runtime.ts";
import { tmpDir } from "./tmp-dir.ts";

const RUNTIME = new URL("../../dist/runtime/", import.meta.url);

export interface LogRecord {
  level: string;
  message: string;
  [field: string]: unknown;
}

export interface RunningModel {
  url: string;
  dir: string;
  runtime: RunningRuntime;
  events: ControlEvent[];
  /** Log records so far. */
  logs(): LogRecord[];
  logText(): string;
  /** POST /predict with JSON. */
  predict(input: unknown, init?: RequestInit): Promise<Response>;
  /** Every process of this runtime that is alive now. */
  pids(): Promise<number[]>;
}

export interface RunModelOptions {
  /** config.yaml below `model_name: m`. */
  config?: string;
  env?: Record<string, string>;
  /** Wait for `ready`; default true. */
  ready?: boolean;
}

/** Runs a model given as the text of its bundle, on a free port, until the test is over. */
export async function runModel(
  t: TestContext,
  source: string,
  options: RunModelOptions = {},
): Promise<RunningModel> {
  const dir = join(await tmpDir(t), "package");
  await writePackage(dir, source, options.config);
  const output: string[] = [];
  const events: ControlEvent[] = [];
  const runtime = startRuntime({
    packageDir: dir,
    listen: { port: 0, host: "127.0.0.1" },
    env: options.env ?? {},
    stdout: "pipe",
    stderr: "pipe",
    onOutput: (_stream, text) => output.push(text),
    onEvent: (event) => events.push(event),
  });
  // A hook that runs before the folder goes would have to be registered before it; stopping is safe either way.
  t.after(() => runtime.stop({ graceMs: 1000 }));
  const url = await runtime.listening;
  if (options.ready !== false) await runtime.ready;
  const logText = (): string => output.join("");
  return {
    url,
    dir,
    runtime,
    events,
    logText,
    logs: () => records(logText()),
    predict: (input, init) =>
      fetch(`${url}/predict`, { method: "POST", body: JSON.stringify(input), ...init }),
    pids: () => processesOf(dir),
  };
}

/** A package folder as `purlin build` would make it, from one file of code. */
export async function writePackage(dir: string, source: string, config = ""): Promise<void> {
  for (const folder of ["code", "config", "data", "deps"])
    await mkdir(join(dir, folder), { recursive: true });
  await cp(RUNTIME, join(dir, "runtime"), { recursive: true });
  await writeFile(join(dir, "code/model.mjs"), source);
  await writeFile(join(dir, "config/config.json"), JSON.stringify(resolvedConfig(config)));
  const manifest = {
    schema: 1,
    model_name: "m",
    package: "sha256:test",
    target: "linux-x64",
    runtime_version: "0.0.0",
    entry: { module: "code/model.mjs", class_name: "Model", source: "model/model.ts" },
    layers: {},
    files: [],
  };
  await writeFile(join(dir, "purlin.json"), JSON.stringify(manifest));
}

function resolvedConfig(text: string): Config {
  return validateConfig(`model_name: m\n${text}`, { file: "config.yaml", folderName: "m" }).config;
}

/** Processes that have the folder on their command line or as their current folder; Linux only. */
export async function processesOf(dir: string): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      try {
        const command = await readFile(`/proc/${pid}/cmdline`, "utf8");
        if (command !== "" && command.includes(dir)) return Number(pid);
        return (await readlink(`/proc/${pid}/cwd`)).startsWith(dir) && command !== "" ? Number(pid) : null;
      } catch {
        return null;
      }
    }),
  );
  return found.filter((pid) => pid !== null);
}

function records(text: string): LogRecord[] {
  return text.split("\n").flatMap((line) => {
    if (!line.startsWith("{")) return [];
    try {
      return [JSON.parse(line) as LogRecord];
    } catch {
      return [];
    }
  });
}
