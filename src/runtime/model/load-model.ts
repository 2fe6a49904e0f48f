import { pathToFileURL } from "node:url";
import { join } from "node:path";
import type { Config } from "../../protocol/config.ts";
import { PACKAGE_PATHS } from "../../protocol/manifest.ts";
import {
  checkInstance,
  DefinitionError,
  readModelClass,
  type DefinitionRules,
  type ModelShape,
} from "./model-class.ts";
import { createSecrets } from "./secrets.ts";
import { describeThrown } from "./user-error.ts";
import { log } from "./log.ts";
import { runConfiguredExamples } from "./examples.ts";
import { checkAddons } from "./check-addons.ts";
import { withTypes } from "./model-types.ts";

const RETRY_PAUSE_MS = 1000;

export interface LoadOptions {
  packageDir: string;
  config: Config;
  environment: Record<string, unknown> | null;
  /** model/model.ts, for messages. */
  source: string;
  validateOutput: boolean;
}

export interface LoadedModel {
  instance: object;
  shape: ModelShape;
}

/** Loading failed; `stage` says in which step. */
export class LoadError extends Error {
  readonly stage: string;
  readonly userStack: string | undefined;

  constructor(stage: string, thrown: unknown) {
    const { message, stack } = describeThrown(thrown);
    super(thrown instanceof DefinitionError ? thrown.message : message, { cause: thrown });
    this.stage = stage;
    this.userStack = thrown instanceof DefinitionError ? undefined : stack;
  }
}

/** Import, construct, setupEnvironment, load, examples; a throw in load is tried again on a fresh instance. */
export async function loadModel(options: LoadOptions): Promise<LoadedModel> {
  log("info", "Loading the model from its package");
  step("addon", () => checkAddons(options.packageDir));
  const exports = await importModel(options.packageDir);
  const shape = await withTypes(
    step("definition", () => readModelClass(exports, options.config.model_class_name, options.source)),
    options,
  );
  for (let attempt = 0; ; attempt++) {
    try {
      return await makeInstance(options, shape);
    } catch (error) {
      if (!(error instanceof LoadError) || error.stage !== "load") throw error;
      if (attempt >= options.config.runtime.load_retries) throw error;
      log(
        "warn",
        `load failed, retrying (${attempt + 1} of ${options.config.runtime.load_retries}): ${error.message}`,
        {
          stack: error.userStack,
        },
      );
      await new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE_MS));
    }
  }
}

export async function importModel(packageDir: string): Promise<Record<string, unknown>> {
  const url = pathToFileURL(join(packageDir, PACKAGE_PATHS.model)).href;
  try {
    return (await import(url)) as Record<string, unknown>;
  } catch (error) {
    throw new LoadError("import", error);
  }
}

async function makeInstance(options: LoadOptions, shape: ModelShape): Promise<LoadedModel> {
  const instance = step("constructor", () => new shape.modelClass(modelContext(options))) as Record<
    string,
    unknown
  >;
  const checked = step("definition", () => checkInstance(shape, instance, definitionRules(options)));
  if (checked.methods.has("setupEnvironment") && options.environment !== null) {
    await setupEnvironment(instance, options.environment);
  }
  if (checked.methods.has("load")) {
    log("info", "Executing model.load()");
    const began = performance.now();
    await asyncStep("load", async () => (instance["load"] as () => unknown).call(instance));
    log("info", "Completed model.load()", { ms: Math.round(performance.now() - began) });
  }
  await asyncStep("example", () =>
    runConfiguredExamples(options.config, { instance, shape: checked }, options),
  );
  return { instance, shape: checked };
}

/** A throw here is told and is not fatal (contract §2). */
export async function setupEnvironment(instance: object, environment: unknown): Promise<void> {
  try {
    await (instance as { setupEnvironment(environment: unknown): unknown }).setupEnvironment(environment);
  } catch (error) {
    const { message, stack } = describeThrown(error);
    log("error", `setupEnvironment failed: ${message}`, { stack });
  }
}

export function definitionRules({ source, config }: Pick<LoadOptions, "source" | "config">): DefinitionRules {
  return { source, batching: config.runtime.batching !== null };
}

function modelContext(options: LoadOptions): object {
  return {
    config: options.config,
    dataDir: join(options.packageDir, PACKAGE_PATHS.data),
    secrets: createSecrets(Object.keys(options.config.secrets), process.env),
    environment: options.environment,
    weights: {},
  };
}

function step<T>(stage: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw new LoadError(stage, error);
  }
}

async function asyncStep<T>(stage: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw error instanceof LoadError ? error : new LoadError(stage, error);
  }
}
