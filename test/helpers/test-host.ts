import { execFileSync } from "node:child_process";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { execCli, type SpawnedCli, spawnCli } from "./spawn-cli.ts";
import { tmpDir } from "./tmp-dir.ts";

const KEY = "test-key-0123456789abcdef";

export interface CliResult {
  code: number | null;
  stdout: string;
  stderr: string;
  /** stdout as JSON; throws with all that was said where it is none. */
  json<T = Record<string, never>>(): T;
}

/** A deployment server as a process of its own, with a per-user folder of its own. */
export interface TestHost {
  readonly url: string;
  readonly key: string;
  readonly pid: number;
  readonly dataDir: string;
  readonly env: Record<string, string>;
  process(): SpawnedCli;
  /** `purlin ...` as this host's user. */
  cli(args: string[], options?: { cwd?: string; input?: string }): Promise<CliResult>;
  /** As cli, with --json; a failure is an error that shows what was said. */
  ok<T = Record<string, unknown>>(args: string[], options?: { cwd?: string; input?: string }): Promise<T>;
  fetch(path: string, init?: RequestInit & { key?: string }): Promise<Response>;
  /** One predict by production, or another route of the model. */
  predict(model: string, input: unknown, route?: string): Promise<Response>;
  stop(signal?: NodeJS.Signals): Promise<void>;
  start(): Promise<void>;
  /** Model processes, by the numbers that they have outside of any sandbox. */
  models(): number[];
  /** Every process that runs below this host's data folder or was started by it. */
  processes(): number[];
}

export async function startTestHost(
  t: Pick<TestContext, "after">,
  options: { env?: Record<string, string>; args?: string[]; dataDir?: string } = {},
): Promise<TestHost> {
  const root = await tmpDir(t, "ph-");
  const dataDir = options.dataDir ?? join(root, "data");
  // What sets this host's processes apart from those of other tests that run at the same time.
  const env = { PURLIN_HOME: join(root, "home"), PURLIN_API_KEY: KEY, ...options.env };
  let server: SpawnedCli;
  let url = "";
  const start = async (): Promise<void> => {
    // The second time at the same address: who was connected comes back to it.
    const port = url === "" ? "0" : new URL(url).port;
    server = spawnCli(t, ["host", "--port", port, "--data", dataDir, ...(options.args ?? [])], {
      cwd: root,
      env,
    });
    [, url = ""] = await server.waitFor(/listening on (\S+)/);
  };
  const stop = async (signal: NodeJS.Signals = "SIGTERM"): Promise<void> => {
    server.kill(signal);
    await server.exited;
  };
  t.after(() => stop());
  await start();
  const cli: TestHost["cli"] = async (args, { cwd = root, input } = {}) => {
    const { code, stdout, stderr } = await execCli(t, args, {
      cwd,
      env,
      ...(input === undefined ? {} : { input }),
    });
    return {
      code,
      stdout,
      stderr,
      json() {
        try {
          return JSON.parse(stdout) as never;
        } catch {
          throw new Error(`no JSON from purlin ${args.join(" ")} (${code}): ${stdout}\n${stderr}`);
        }
      },
    };
  };
  const host: TestHost = {
    get url() {
      return url;
    },
    get pid() {
      return server.pid;
    },
    key: KEY,
    dataDir,
    env,
    process: () => server,
    cli,
    async ok(args, given) {
      const result = await cli([...args, "--json"], given);
      if (result.code !== 0) {
        throw new Error(
          `purlin ${args.join(" ")} ended with ${result.code}:\n${result.stdout}\n${result.stderr}`,
        );
      }
      return result.json();
    },
    fetch: (path, { key = KEY, headers, ...init } = {}) =>
      fetch(url + path, {
        ...init,
        headers: { ...(key === "" ? {} : { authorization: `Bearer ${key}` }), ...(headers as object) },
      }),
    predict(model, input, route = "production/predict") {
      return host.fetch(`/models/${model}/${route}`, { method: "POST", body: JSON.stringify(input) });
    },
    stop,
    start,
    models: () => processesWith(dataDir, "/runtime/model.mjs"),
    processes: () => processesWith(dataDir),
  };
  return host;
}

/** By command line: replicas name their package, the guard and the host their data folder. */
function processesWith(...texts: string[]): number[] {
  return execFileSync("ps", ["-eo", "pid=,args="], { encoding: "utf8" })
    .split("\n")
    .filter((line) => texts.every((text) => line.includes(text)))
    .map((line) => Number.parseInt(line.trim(), 10));
}
