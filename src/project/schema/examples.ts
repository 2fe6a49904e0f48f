import * as z from "zod";
import { CALLABLE_NAMES } from "../../protocol/methods.ts";
import { field, fullObject, leaf, list, optional, required } from "./fields.ts";
import { pathInside, text, wholeNumber } from "./leaves.ts";

const anything = leaf(
  z.unknown().refine((value) => value !== undefined),
  "any value that JSON can hold",
);

const entry = fullObject({
  name: required(text("a text that names the example"), "Unique; shown by purlin test."),
  input: optional(anything, "What the method is called with; this or input_file."),
  input_file: optional(
    pathInside('a file below the data folder, such as "samples/receipt.png"'),
    "A file of the data folder that is sent as it is: JSON, or what a model with raw input takes.",
  ),
  output: optional(
    z.unknown(),
    "What it must answer; not compared where absent. {approx: VALUE} for numbers that are only nearly the same.",
  ),
  approx: optional(
    distance(1),
    "How far every number of the answer may be off: 1e-4 is as it is up to 1, of the number above.",
  ),
  cosine: optional(distance(2), "How far every vector of the answer may be from the expected one."),
  status: optional(
    wholeNumber(200, 599),
    "The HTTP status it must be answered with, such as 400 for an input to be refused; any below 400 where absent.",
  ),
  method: field(
    leaf(z.enum(CALLABLE_NAMES), `one of ${CALLABLE_NAMES.join(", ")}`),
    "predict",
    "The method to call.",
  ),
});

// What example-conflicts.ts says in words, for editors.
z.globalRegistry.add(entry, {
  ...z.globalRegistry.get(entry),
  oneOf: [{ required: ["input"] }, { required: ["input_file"] }],
});

function distance(most: number) {
  return leaf(z.number().gt(0).max(most), `a number above 0, at most ${most}`);
}

export const examples = field(
  list(entry, "a list of examples"),
  [],
  "Inputs for documentation, warm-up, the readiness gate and purlin test.",
);
