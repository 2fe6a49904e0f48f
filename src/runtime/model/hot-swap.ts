import type { Config } from "../../protocol/config.ts";
import type { ControlEvent, ExampleMode } from "../../protocol/control.ts";
import { runConfiguredExamples } from "./examples.ts";
import { definitionRules, importModel, LoadError, type LoadedModel } from "./load-model.ts";
import { checkInstance, readModelClass } from "./model-class.ts";
import { withTypes } from "./model-types.ts";

export interface SwapOptions {
  packageDir: string;
  source: string;
  /** With the examples of the generation that comes; all else of it is what the model was loaded with. */
  config: Config;
  examples?: ExampleMode | undefined;
  tell(event: ControlEvent): void;
  validateOutput: boolean;
  /** A place among the running predicts, for the examples. */
  turn(): Promise<() => void>;
}

/**
 * Puts another generation's methods on the loaded instance: its weights stay in memory. Whether that is sound
 * has been decided by whoever asks (bundle/classify-change.ts). As after a load, the examples must pass first.
 */
export async function swapMethods(model: LoadedModel, options: SwapOptions): Promise<LoadedModel> {
  const { config, source } = options;
  const exports = await importModel(options.packageDir);
  try {
    const shape = await withTypes(readModelClass(exports, config.model_class_name, source), options);
    const prototype = shape.modelClass.prototype as object;
    const tried = Object.create(prototype, Object.getOwnPropertyDescriptors(model.instance)) as object;
    const checked = checkInstance(shape, tried, definitionRules(options));
    // Requests are under way that the front has sent as single ones, or as rows.
    if (checked.batches !== model.shape.batches)
      throw new Error("predict and predictBatch cannot take each other's place in a loaded model");
    await tryExamples({ instance: tried, shape: checked }, options);
    Object.setPrototypeOf(model.instance, prototype);
    return { instance: model.instance, shape: checked };
  } catch (error) {
    throw error instanceof LoadError ? error : new LoadError("definition", error);
  }
}

/** On a copy that shares what was loaded: requests go on with the methods before. */
async function tryExamples(model: LoadedModel, options: SwapOptions): Promise<void> {
  const { config, turn } = options;
  if (config.examples.length === 0) return;
  const giveBack = await turn();
  try {
    await runConfiguredExamples(config, model, { ...options, mode: options.examples });
  } catch (error) {
    throw new LoadError("example", error);
  } finally {
    giveBack();
  }
}
