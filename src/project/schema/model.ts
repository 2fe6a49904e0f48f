import * as z from "zod";
import { MODEL_NAME, MODEL_NAME_RULE } from "../model-name.ts";
import { field, leaf, map, optional } from "./fields.ts";
import { PATH_INSIDE, pathInside } from "./leaves.ts";

const MODEL_FILE = new RegExp(`${PATH_INSIDE.source.replace(/\$$/, "")}\\.[cm]?[jt]sx?$`);

/** The folder's name stands in where it is absent; resolve-config.ts knows the folder. */
export const modelName = optional(
  leaf(z.string().regex(MODEL_NAME), MODEL_NAME_RULE),
  "Name of the model; made from the folder's name where absent.",
);

/** Where the class is. */
export const modelKeys = {
  description: field(leaf(z.string(), "a text").nullable(), null, "What the model does, for people."),
  model_metadata: field(
    map({ key: z.string(), value: z.unknown(), expects: "a map" }),
    {},
    "Anything; the model reads it in ctx.config.",
  ),
  model_module_dir: field(
    pathInside("a folder of the project, without `..`"),
    "model",
    "Folder of the model's class.",
  ),
  model_class_filename: field(
    leaf(z.string().regex(MODEL_FILE), "a TypeScript or JavaScript file, such as model.ts"),
    "model.ts",
    "File of the model's class, in model_module_dir.",
  ),
  model_class_name: field(
    leaf(z.string().regex(/^[A-Za-z_$\u0080-\uffff][\w$\u0080-\uffff]*$/), "the name of a class"),
    "Model",
    "Name of the exported class.",
  ),
  data_dir: field(
    leaf(
      z
        .string()
        .regex(PATH_INSIDE)
        .regex(/^(?!(\.?\/)*\.?\/*$)/),
      "a folder below the project, without `..`",
    ),
    "data",
    "Folder packed with the model; its path is ctx.dataDir.",
  ),
};
