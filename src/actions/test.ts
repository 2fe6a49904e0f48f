import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { loadClient } from "../client/call-model.ts";
import type { Reporter } from "../events.ts";
import type { Config } from "../protocol/config.ts";
import { type Digest, MANIFEST_FILE, PACKAGE_PATHS } from "../protocol/manifest.ts";
import { RUNTIME_ENV } from "../protocol/runtime-env.ts";
import { startRuntime } from "../supervise/start-runtime.ts";
import { build } from "./build.ts";
import { dotenvSecrets } from "./test-steps/dotenv-secrets.ts";
import { orStopped } from "./test-steps/or-stopped.ts";
import { privateAddress } from "./test-steps/private-address.ts";
import { type ExampleResult, runExample } from "./test-steps/run-example.ts";

/** Characters from the end of the model's log, shown where an example fails. */
const MOST_LOG = 20_000;
const GRACE_MS = 15_000;

export interface TestOptions {
  /** Absolute folder of a project, which is built first, or of a package. */
  dir: string;
  report: Reporter;
  signal?: AbortSignal | undefined;
  /** Told of values that must not be printed. */
  onSecrets?: (values: string[]) => void;
}

export interface TestResult {
  package: Digest;
  passed: number;
  failed: number;
  load_ms: number;
  examples: ExampleResult[];
}

/**
 * Runs the examples of config.yaml against the packed tree, one after the other. An example that fails is data;
 * throws AppError NO_EXAMPLES, LOAD_FAILED, RUNTIME_FAILED, and whatever a build throws.
 */
export async function test(options: TestOptions): Promise<TestResult> {
  const { dir, report, signal } = options;
  const packageDir = await packageOf(options);
  const config = JSON.parse(await readFile(join(packageDir, PACKAGE_PATHS.config), "utf8")) as Config;
  if (config.examples.length === 0) {
    const { noExamples } = await import("./test-steps/no-examples.ts");
    throw noExamples(packageDir, config.model_class_name);
  }
  const dotenv = join(dir, ".env");
  options.onSecrets?.(await dotenvSecrets(dotenv, Object.keys(config.secrets)));

  report.emit({ type: "step", message: "loading the packed model" });
  const address = await privateAddress();
  let log = "";
  const runtime = startRuntime({
    packageDir,
    listen: address.listen,
    env: {
      [RUNTIME_ENV.examples]: "skip",
      [RUNTIME_ENV.mode]: "development",
      [RUNTIME_ENV.logFormat]: "pretty",
      [RUNTIME_ENV.dotenv]: dotenv,
    },
    stdout: "ignore",
    stderr: "pipe",
    onOutput: (_stream, text) => {
      log = (log + text).slice(-MOST_LOG);
    },
  });
  try {
    const [{ digest, load_ms }] = await orStopped(Promise.all([runtime.ready, loadClient()]), signal);
    const examples: ExampleResult[] = [];
    for (const [index, example] of config.examples.entries()) {
      const count = `${index + 1} of ${config.examples.length}`;
      report.emit({ type: "step", message: `running the example "${example.name}" (${count})` });
      examples.push(await runExample(example, { address: await runtime.listening, config, signal }));
    }
    const passed = examples.filter(({ ok }) => ok).length;
    const failed = examples.length - passed;
    // The log is whole only once its writer has gone.
    await runtime.stop({ graceMs: GRACE_MS });
    if (failed > 0) report.emit({ type: "note", message: `The model's log:\n${log.trimEnd()}` });
    return { package: digest as Digest, passed, failed, load_ms, examples };
  } finally {
    // Nobody waits for what still runs.
    await runtime.stop({ graceMs: signal?.aborted ? 500 : GRACE_MS });
    await address.remove();
  }
}

async function packageOf({ dir, report, signal }: TestOptions): Promise<string> {
  if (existsSync(join(dir, MANIFEST_FILE)) && !existsSync(join(dir, "config.yaml"))) return dir;
  return (await build({ dir, report, signal })).path;
}
