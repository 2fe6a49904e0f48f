import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Config } from "../../protocol/config.ts";
import { PACKAGE_PATHS } from "../../protocol/manifest.ts";
import type { JsonSchema, ModelTypes } from "../../protocol/model-types.ts";
import type { ModelShape, StandardSchema } from "./model-class.ts";
import type { Check, findViolations, Issue } from "./type-violations.ts";

type Checks = Record<string, Check | undefined>;

/**
 * The shape with what TypeScript said of the model when it was built. With runtime.validate_types, the code that was
 * made to check values stands where the class gives no schema of its own.
 */
export async function withTypes(
  shape: ModelShape,
  { packageDir, config }: { packageDir: string; config: Config },
): Promise<ModelShape> {
  const types = readTypes(packageDir);
  if (types === null || !config.runtime.validate_types) return { ...shape, types };
  const checks = await importChecks(packageDir, PACKAGE_PATHS.check);
  const inputSchema = new Map(shape.inputSchema);
  const outputSchema = new Map(shape.outputSchema);
  const typed = (name: string, schema: JsonSchema, side: Side): StandardSchema => {
    const loadExplain = async (): Promise<Check | undefined> =>
      (await importChecks(packageDir, PACKAGE_PATHS.explain))[name];
    return typedSchema(checks[name] as Check, schema, { side, loadExplain });
  };
  for (const [method, { input, output }] of Object.entries(types.methods)) {
    if (input !== null && !inputSchema.has(method) && !shape.raw.has(method))
      inputSchema.set(method, typed(`${method}_input`, input, "input"));
    if (output !== null && !outputSchema.has(method))
      outputSchema.set(method, typed(`${method}_output`, output, "output"));
  }
  return { ...shape, types, inputSchema, outputSchema };
}

type Side = "input" | "output";

/** As one of the class's own, so that everything else treats it alike. The code that explains is for the first fault. */
function typedSchema(
  check: Check,
  schema: JsonSchema,
  { side, loadExplain }: { side: Side; loadExplain: () => Promise<Check | undefined> },
): StandardSchema {
  return {
    "~standard": {
      validate(value) {
        const json = side === "input" ? value : asJson(value);
        return check(json) ? { value } : explainViolations(json, check, loadExplain);
      },
      jsonSchema: { input: () => schema, output: () => schema },
    },
  };
}

/** An output as its client sees it: a Date is a text, what is undefined is not there. */
function asJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value) ?? "null");
}

async function explainViolations(
  value: unknown,
  check: Check,
  loadExplain: () => Promise<Check | undefined>,
): Promise<{ issues: Issue[] }> {
  // A file beside this one in the package; not part of this bundle.
  const file = "./type-violations.mjs";
  const module = (await import(file)) as { findViolations: typeof findViolations };
  return { issues: module.findViolations(value, check, await loadExplain()) };
}

function readTypes(packageDir: string): ModelTypes | null {
  try {
    return JSON.parse(readFileSync(join(packageDir, PACKAGE_PATHS.types), "utf8")) as ModelTypes;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

async function importChecks(packageDir: string, path: string): Promise<Checks> {
  return (await import(pathToFileURL(join(packageDir, path)).href)) as Checks;
}
