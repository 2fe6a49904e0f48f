import { importModel, LoadError, type LoadedModel } from "./load-model.ts";
import { checkInstance, readModelClass } from "./model-class.ts";

/**
 * Puts another generation's methods on the loaded instance: its weights stay in memory. Whether that is sound
 * has been decided by whoever asks (bundle/classify-change.ts).
 */
export async function swapMethods(
  model: LoadedModel,
  options: { packageDir: string; className: string; source: string },
): Promise<LoadedModel> {
  const exports = await importModel(options.packageDir);
  try {
    const shape = readModelClass(exports, options.className, options.source);
    const checked = checkInstance(shape, model.instance, options.source);
    Object.setPrototypeOf(model.instance, shape.modelClass.prototype as object);
    return { instance: model.instance, shape: checked };
  } catch (error) {
    throw error instanceof LoadError ? error : new LoadError("definition", error);
  }
}
