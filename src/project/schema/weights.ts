import { posix } from "node:path";
import * as z from "zod";
import { field, fullObject, leaf, list, required } from "./fields.ts";
import { text } from "./leaves.ts";
import { weightSourceProblem } from "./weight-source.ts";

/** For editors: what weight-source.ts says in words. */
const SOURCE_PATTERN =
  "^(hf://[^/@#\\s]+/[^/@#\\s]+(/[^@#\\s]+)?(@[^@#\\s]+)?|(s3|gs)://[^/@#\\s]+/[^/@#\\s][^@#\\s]*" +
  "|r2://[^/.@#\\s]+\\.[^/@#\\s]+/[^/@#\\s][^@#\\s]*|https://[^/@#\\s]+/[^#\\s]+(#sha256=[0-9a-fA-F]{64})?)$";

const source = leaf(
  z
    .string()
    .superRefine((given, context) => {
      const problem = weightSourceProblem(given);
      if (problem !== null) context.addIssue({ code: "custom", message: problem });
    })
    .meta({ pattern: SOURCE_PATTERN }),
  "a URL such as hf://org/model@main",
);

const mountLocation = leaf(
  z
    .string()
    // oxlint-disable-next-line no-control-regex
    .regex(/^\/(?!.*(^|\/)\.\.?(\/|$))(?!.*\/\/)[^\\\u0000-\u001f]*[^/\\\u0000-\u001f]\/?$/),
  "an absolute path other than `/`, without `.` or `..` steps",
).transform((path) => posix.normalize(path).replace(/\/$/, ""));

const patterns = list(text("a glob"), "a list of globs");

const entry = fullObject({
  source: required(source, "Where the files come from: hf://, s3://, gs://, r2:// or https://."),
  mount_location: required(mountLocation, "Absolute path in a container; its local path is in ctx.weights."),
  auth_secret_name: field(
    leaf(z.string().regex(/^(?!\.{1,2}$)[-._a-zA-Z0-9]{1,253}$/), "the name of a secret").nullable(),
    null,
    "Name of the secret that opens the source.",
  ),
  allow_patterns: field(patterns, [], "Take only these files."),
  ignore_patterns: field(patterns, [], "Leave these files out."),
});

export const weights = field(
  list(entry, "a list of sources"),
  [],
  "Files too big for data/, delivered before the model starts.",
);
