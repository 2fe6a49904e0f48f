import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { loadClient } from "../client/call-model.ts";
import { AppError } from "../errors.ts";
import type { Reporter } from "../events.ts";
import type { Config, Example } from "../protocol/config.ts";
import { type Digest, MANIFEST_FILE, PACKAGE_PATHS } from "../protocol/manifest.ts";
import { RUNTIME_ENV } from "../protocol/runtime-env.ts";
import { startRuntime } from "../supervise/start-runtime.ts";
import { nearest } from "../util/nearest.ts";
import { build } from "./build.ts";
import { orStopped } from "./test-steps/or-stopped.ts";
import type { OutputUpdate, OutputUpdater, UpdaterOptions } from "./test-steps/output-updater.ts";
import { privateAddress } from "./test-steps/private-address.ts";
import { type ExampleResult, runExample } from "./test-steps/run-example.ts";
import { secretValues } from "./test-steps/secret-values.ts";

/** Characters from the end of the model's log, shown where an example fails. */
const MOST_LOG = 20_000;
const GRACE_MS = 15_000;

export interface TestOptions {
  /** Absolute folder of a project, which is built first, or of a package. */
  dir: string;
  report: Reporter;
  signal?: AbortSignal | undefined;
  /** Names of the examples to run; all without it. */
  only?: readonly string[] | undefined;
  /** Makes the answers of now the expected ones, in config.yaml. */
  update?: boolean | undefined;
  /** Told of values that must not be printed. */
  onSecrets?: (values: string[]) => void;
}

export interface TestResult {
  package: Digest;
  passed: number;
  failed: number;
  load_ms: number;
  examples: ExampleResult[];
  /** With `update`: what became of each output. */
  updates?: OutputUpdate[];
}

/**
 * Runs the examples of config.yaml against the packed tree, one after the other. An example that fails is data;
 * throws AppError NO_EXAMPLES, INPUT_INVALID, FILE_CHANGED, LOAD_FAILED, RUNTIME_FAILED, and whatever a build throws.
 */
export async function test(options: TestOptions): Promise<TestResult> {
  const { dir, report, signal } = options;
  const text = options.update === true ? await textToUpdate(dir) : null;
  const packageDir = await packageOf(options);
  const config = JSON.parse(await readFile(join(packageDir, PACKAGE_PATHS.config), "utf8")) as Config;
  if (config.examples.length === 0) {
    const { noExamples } = await import("./test-steps/no-examples.ts");
    throw noExamples(packageDir, config.model_class_name);
  }
  const chosen = chooseExamples(config.examples, options.only);
  const dotenv = join(dir, ".env");
  const secrets = await secretValues(dotenv, Object.keys(config.secrets));
  options.onSecrets?.(secrets);
  const updater = text === null ? null : await updaterFor({ dir, text, secrets });

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
    const call = { address: await runtime.listening, config, packageDir, signal };
    for (const [count, { index, example }] of chosen.entries()) {
      const counted = `${count + 1} of ${chosen.length}`;
      report.emit({ type: "step", message: `running the example "${example.name}" (${counted})` });
      const run = await runExample(example, call);
      examples.push(updater?.take({ index, example }, [run, await runExample(example, call)]) ?? run.result);
    }
    await updater?.write();
    const passed = examples.filter(({ ok }) => ok).length;
    const failed = examples.length - passed;
    // The log is whole only once its writer has gone.
    await runtime.stop({ graceMs: GRACE_MS });
    if (failed > 0) report.emit({ type: "note", message: `The model's log:\n${log.trimEnd()}` });
    const updates = updater ? { updates: updater.updates } : {};
    return { package: digest as Digest, passed, failed, load_ms, examples, ...updates };
  } finally {
    // Nobody waits for what still runs.
    await runtime.stop({ graceMs: signal?.aborted ? 500 : GRACE_MS });
    await address.remove();
  }
}

function chooseExamples(
  examples: readonly Example[],
  only: readonly string[] | undefined,
): { index: number; example: Example }[] {
  const unknown = only?.find((name) => !examples.some((example) => example.name === name));
  if (unknown !== undefined) {
    const names = examples.map(({ name }) => name);
    const meant = nearest(unknown, names);
    throw new AppError("INPUT_INVALID", `There is no example "${unknown}".`, {
      hint: meant === undefined ? `There are: ${names.join(", ")}.` : `Did you mean "${meant}"?`,
    });
  }
  return examples
    .map((example, index) => ({ index, example }))
    .filter(({ example }) => only === undefined || only.includes(example.name));
}

/** Before the build, which must have read the same one. */
async function textToUpdate(dir: string): Promise<string> {
  if (isPackage(dir)) {
    throw new AppError(
      "INPUT_INVALID",
      "Outputs are updated in the config.yaml of a project; this is a package.",
      {
        hint: "Name the project's folder.",
      },
    );
  }
  const { loadConfig } = await import("../project/load-config.ts");
  return (await loadConfig(dir)).text;
}

/** Loaded here: what reads and writes YAML is not needed otherwise. */
async function updaterFor(options: UpdaterOptions): Promise<OutputUpdater> {
  const { OutputUpdater } = await import("./test-steps/output-updater.ts");
  return new OutputUpdater(options);
}

function isPackage(dir: string): boolean {
  return existsSync(join(dir, MANIFEST_FILE)) && !existsSync(join(dir, "config.yaml"));
}

async function packageOf({ dir, report, signal }: TestOptions): Promise<string> {
  if (isPackage(dir)) return dir;
  return (await build({ dir, report, signal })).path;
}
