import type { PackageManifest } from "../../protocol/manifest.ts";
import { nameIn } from "../channel/inference-target.ts";

/** What `GET /v2` and `GET /v2/models/{model}` say (Open Inference Protocol v2). */
interface TensorMetadata {
  name: string;
  datatype: string;
  /** -1 for a side of any length. */
  shape: number[];
}

interface JsonSchema {
  $ref?: string;
  $defs?: Record<string, JsonSchema>;
  type?: unknown;
  properties?: Record<string, JsonSchema>;
  items?: JsonSchema;
  const?: unknown;
  enum?: unknown[];
}

const SCALARS: Record<string, string> = {
  string: "BYTES",
  boolean: "BOOL",
  integer: "INT64",
  number: "FP64",
};

export function serverMetadata(manifest: PackageManifest): object {
  return { name: "purlin", version: manifest.runtime_version, extensions: ["binary_tensor_data"] };
}

/** The model by the name that it was asked by: a runtime has one model. */
export function modelMetadata(target: string, schema: { input?: unknown; output?: unknown } | null): object {
  const { model, version } = nameIn(target);
  return {
    name: model,
    ...(version === undefined ? {} : { versions: [version] }),
    platform: "purlin",
    inputs: tensorsOf(schema?.input),
    outputs: tensorsOf(schema?.output),
  };
}

/** The properties of an object's schema, as far as they can be tensors. */
function tensorsOf(schema: unknown): TensorMetadata[] {
  const whole = (schema ?? {}) as JsonSchema;
  const resolve = (part: JsonSchema): JsonSchema => whole.$defs?.[part.$ref?.split("/").at(-1) ?? ""] ?? part;
  const { properties } = resolve(whole);
  return Object.entries(properties ?? {}).flatMap(([name, property]) => {
    const tensor = tensorOf(resolve(property));
    return tensor === null ? [] : [{ name, ...tensor }];
  });
}

function tensorOf(schema: JsonSchema): Omit<TensorMetadata, "name"> | null {
  const declared = schema.properties?.["datatype"];
  // A tensor as such: its schema tells the datatype, and hardly ever the shape.
  if (declared !== undefined) {
    const datatype = declared.const ?? declared.enum?.[0];
    return typeof datatype === "string" ? { datatype, shape: [-1] } : null;
  }
  if (schema.type === "array" && schema.items !== undefined) {
    const inner = tensorOf(schema.items);
    if (inner === null) return null;
    return { datatype: inner.datatype, shape: schema.items.type === "array" ? [-1, ...inner.shape] : [-1] };
  }
  const datatype = typeof schema.type === "string" ? SCALARS[schema.type] : undefined;
  return datatype === undefined ? null : { datatype, shape: [1] };
}
