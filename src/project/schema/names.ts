import * as z from "zod";
import { field, leaf, map } from "./fields.ts";
import { textual } from "./leaves.ts";

const secretName = leaf(
  z.string().regex(/^(?!\.{1,2}$)[-._a-zA-Z0-9]{1,253}$/),
  "1 to 253 letters, digits, `-`, `_` and `.`",
);

/** Names only; a value is told apart from other mistakes in describe-issue.ts and never shown. */
export const secrets = field(
  map({
    key: secretName,
    value: leaf(z.null(), "null: the value comes from elsewhere"),
    expects: "a map of names to null",
  }),
  {},
  "Names of the secrets that the model reads. Values never stand here: null is the placeholder.",
);

/** The runtime's own: a model that changed them would not be where its callers look for it. */
const RESERVED_VARIABLE = "^(PORT$|PURLIN_)";

const variableName = leaf(
  z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/)
    .refine(
      (name) => !new RegExp(RESERVED_VARIABLE).test(name),
      "is reserved: PORT and all names that begin with PURLIN_ belong to the runtime",
    )
    .meta({ not: { pattern: RESERVED_VARIABLE } }),
  "letters, digits and `_`, not beginning with a digit",
);

export const environmentVariables = field(
  map({
    key: variableName,
    value: textual("a text, a number, true or false"),
    expects: "a map of names to texts",
  }),
  {},
  "Environment of the model processes. Secrets belong under secrets, not here.",
);
