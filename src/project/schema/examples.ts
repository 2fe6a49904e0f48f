import * as z from "zod";
import type { Method } from "../../protocol/config.ts";
import { field, fullObject, leaf, list, optional, required } from "./fields.ts";
import { text } from "./leaves.ts";

export const EXAMPLE_METHODS = [
  "predict",
  "chatCompletions",
  "completions",
  "embeddings",
  "messages",
  "responses",
] as const satisfies readonly Exclude<Method, "websocket">[];

const anything = leaf(
  z.unknown().refine((value) => value !== undefined),
  "any value that JSON can hold",
);

const entry = fullObject({
  name: required(text("a text that names the example"), "Unique; shown by purlin test."),
  input: required(anything, "What the method is called with."),
  output: optional(z.unknown(), "What it must answer; not compared where absent."),
  method: field(
    leaf(z.enum(EXAMPLE_METHODS), `one of ${EXAMPLE_METHODS.join(", ")}`),
    "predict",
    "The method to call.",
  ),
});

export const examples = field(
  list(entry, "a list of examples"),
  [],
  "Inputs for documentation, warm-up, the readiness gate and purlin test.",
);
