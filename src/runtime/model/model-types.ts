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
  for (const [method, { input, output }] of Object.entries(types.methods)) {
    const typed = (side: "input" | "output", schema: JsonSchema | null): StandardSchema | undefined => {
      const name = `${method}_${side}`;
      const check = checks[name];
      return check === undefined || schema === null
        ? undefined
        : typedSchema(
            check,
            schema,
            async () => (await importChecks(packageDir, PACKAGE_PATHS.explain))[name],
          );
    };
    const [ofInput, ofOutput] = [typed("input", input), typed("output", output)];
    if (ofInput !== undefined && !inputSchema.has(method) && !shape.raw.has(method))
      inputSchema.set(method, ofInput);
    if (ofOutput !== undefined && !outputSchema.has(method)) outputSchema.set(method, ofOutput);
  }
  return { ...shape, types, inputSchema, outputSchema };
}

/** As one of the class's own, so that everything else treats it alike. The code that explains is for the first fault. */
function typedSchema(
  check: Check,
  schema: JsonSchema,
  loadExplain: () => Promise<Check | undefined>,
): StandardSchema {
  return {
    "~standard": {
      validate(value) {
        if (check(value)) return { value };
        return explainViolations(value, check, loadExplain);
      },
      jsonSchema: { input: () => schema, output: () => schema },
    },
  };
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
