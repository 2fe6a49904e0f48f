import type { ModelTypes } from "../../protocol/model-types.ts";
import { HOOKS, METHODS } from "../../protocol/methods.ts";

export interface StandardSchema {
  "~standard": {
    validate(value: unknown): StandardResult | Promise<StandardResult>;
    jsonSchema?: { input(options: unknown): unknown; output(options: unknown): unknown };
  };
}

export type StandardResult =
  | { value: unknown; issues?: undefined }
  | { issues: readonly { message: string; path?: readonly (PropertyKey | { key: PropertyKey })[] }[] };

export type UserMethod = (this: unknown, ...args: unknown[]) => unknown;

/** What a model class offers, read once. */
export interface ModelShape {
  modelClass: new (context: unknown) => object;
  methods: ReadonlySet<string>;
  raw: ReadonlySet<string>;
  inputSchema: ReadonlyMap<string, StandardSchema>;
  outputSchema: ReadonlyMap<string, StandardSchema>;
  /** What the TypeScript types of its methods said when it was built. */
  types: ModelTypes | null;
  /** Calls of predict are answered by predictBatch. */
  batches: boolean;
}

export interface DefinitionRules {
  /** model/model.ts, for messages. */
  source: string;
  /** `runtime.batching` is set. */
  batching: boolean;
}

/** The class breaks a rule of the model contract; the message names file, class and rule. */
export class DefinitionError extends Error {}

/** Finds the class among a module's exports and checks the rules of contract §3. */
export function readModelClass(exports: Record<string, unknown>, name: string, source: string): ModelShape {
  const modelClass = findClass(exports, name, source);
  const where = `${source}: class ${modelClass.name || name}`;
  const prototype = modelClass.prototype as Record<string, unknown>;
  const methods = new Set<string>();
  for (const method of [...METHODS, ...HOOKS]) {
    if (!(method in prototype)) continue;
    if (typeof prototype[method] !== "function")
      throw new DefinitionError(`${where}: ${method} is not a function`);
    methods.add(method);
  }
  const statics = modelClass as unknown as { input?: unknown; output?: unknown };
  return {
    modelClass,
    methods,
    raw: new Set(METHODS.filter((method) => declared(statics.input, method) === "raw")),
    inputSchema: schemas(statics.input, `${where}: static input`),
    outputSchema: schemas(statics.output, `${where}: static output`),
    batches: false,
    types: null,
  };
}

/**
 * The rules that need the finished instance, since methods may be arrow-function fields.
 * Adds those to the shape's methods.
 */
export function checkInstance(
  shape: ModelShape,
  instance: object,
  { source, batching }: DefinitionRules,
): ModelShape {
  const where = `${source}: class ${shape.modelClass.name}`;
  const methods = new Set(shape.methods);
  for (const method of [...METHODS, ...HOOKS]) {
    if (!Object.hasOwn(instance, method)) continue;
    if (typeof (instance as Record<string, unknown>)[method] !== "function") {
      throw new DefinitionError(`${where}: ${method} is not a function`);
    }
    methods.add(method);
  }
  const speaksHttp = ["predict", "predictBatch"].some((method) => methods.has(method));
  if (!speaksHttp && !methods.has("websocket")) {
    throw new DefinitionError(`${where} needs a predict or a websocket method`);
  }
  const clash = ["predict", "preprocess", "postprocess"].filter((method) => methods.has(method));
  if (methods.has("websocket") && clash.length > 0) {
    throw new DefinitionError(`${where} cannot have both websocket and ${clash.join(", ")}`);
  }
  const batches = methods.has("predictBatch") && (batching || !methods.has("predict"));
  if (batching && !batches) {
    throw new DefinitionError(
      `${where} needs a predictBatch method: runtime.batching in config.yaml asks for batches`,
    );
  }
  if (isGenerator((instance as Record<string, unknown>)["predictBatch"])) {
    throw new DefinitionError(
      `${where}: predictBatch cannot stream: it returns an array with a whole result for each input`,
    );
  }
  return { ...shape, methods, batches };
}

function isGenerator(method: unknown): boolean {
  return /^\[object (Async)?GeneratorFunction\]$/.test(Object.prototype.toString.call(method));
}

function findClass(
  exports: Record<string, unknown>,
  name: string,
  source: string,
): new (context: unknown) => object {
  const found = exports[name] ?? exports["default"];
  if (typeof found === "function" && isClass(found)) return found as new (context: unknown) => object;
  const others = Object.keys(exports).filter((key) => typeof exports[key] === "function");
  const seen = others.length === 0 ? "it exports no class" : `it exports ${others.join(", ")}`;
  throw new DefinitionError(`${source} has no exported class ${name} (${seen})`);
}

function isClass(value: { prototype?: unknown }): boolean {
  return typeof value.prototype === "object" && value.prototype !== null;
}

function declared(declaration: unknown, method: string): unknown {
  if (declaration === undefined || declaration === null) return undefined;
  if (isSchema(declaration) || declaration === "raw") return method === "predict" ? declaration : undefined;
  return (declaration as Record<string, unknown>)[method];
}

function schemas(declaration: unknown, where: string): Map<string, StandardSchema> {
  const found = new Map<string, StandardSchema>();
  for (const method of METHODS) {
    const schema = declared(declaration, method);
    if (schema === undefined || schema === "raw") continue;
    if (!isSchema(schema)) {
      throw new DefinitionError(
        `${where} must be "raw", a Standard Schema, or a map of method to one of them`,
      );
    }
    found.set(method, schema);
  }
  return found;
}

function isSchema(value: unknown): value is StandardSchema {
  return (
    value !== null &&
    (typeof value === "object" || typeof value === "function") &&
    "~standard" in (value as object)
  );
}
