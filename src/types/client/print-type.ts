import type { JsonSchema } from "../../protocol/model-types.ts";

const REF = /^#\/types\/(.+)$/;
const SIMPLE: Record<string, string> = {
  string: "string",
  number: "number",
  integer: "number",
  boolean: "boolean",
  null: "null",
};

/** A schema as a type of TypeScript; references are to `#/types/NAME`. */
export function printType(schema: unknown, indent = ""): string {
  if (schema === false) return "never";
  if (typeof schema !== "object" || schema === null) return "unknown";
  const parts = alternatives(schema as JsonSchema, indent);
  return parts.includes("unknown") ? "unknown" : [...new Set(parts)].join(" | ");
}

/** One declaration: an interface where it can be one. */
export function printDeclaration(name: string, schema: JsonSchema): string {
  const type = printType(schema);
  const isInterface = schema["type"] === "object" && type.startsWith("{") && !/^\}.+/m.test(type);
  return `${comment(schema, "")}export ${isInterface ? `interface ${name} ${type}` : `type ${name} = ${type};`}\n`;
}

function alternatives(schema: JsonSchema, indent: string): string[] {
  const ref = typeof schema["$ref"] === "string" ? REF.exec(schema["$ref"])?.[1] : undefined;
  if (ref !== undefined) return [ref];
  if ("const" in schema) return [JSON.stringify(schema["const"])];
  if (Array.isArray(schema["enum"])) return schema["enum"].map((value) => JSON.stringify(value));
  for (const key of ["anyOf", "oneOf"]) {
    const branches = schema[key];
    if (Array.isArray(branches)) return branches.map((branch) => printType(branch, indent));
  }
  if (Array.isArray(schema["allOf"])) {
    return [schema["allOf"].map((part) => grouped(printType(part, indent))).join(" & ")];
  }
  if (isNothing(schema)) return ["never"];
  if (schema["format"] === "binary") return ["Blob"];
  return [schema["type"]].flat().map((type) => {
    if (type === "array") return printArray(schema, indent);
    if (type === "object") return printObject(schema, indent);
    return SIMPLE[type as string] ?? "unknown";
  });
}

function isNothing({ not }: JsonSchema): boolean {
  return typeof not === "object" && not !== null && Object.keys(not).length === 0;
}

function printArray(schema: JsonSchema, indent: string): string {
  const {
    prefixItems,
    items,
    minItems = 0,
  } = schema as {
    prefixItems?: unknown[];
    items?: unknown;
    minItems?: number;
  };
  if (prefixItems === undefined) return `${grouped(printType(items, indent))}[]`;
  const places = prefixItems.map((item, at) => {
    const type = printType(item, indent);
    return at < minItems ? type : `${grouped(type)}?`;
  });
  const rest = items === false ? [] : [`...${grouped(printType(items, indent))}[]`];
  return `[${[...places, ...rest].join(", ")}]`;
}

function printObject(schema: JsonSchema, indent: string): string {
  const {
    properties = {},
    required = [],
    additionalProperties: rest,
  } = schema as {
    properties?: Record<string, JsonSchema>;
    required?: string[];
    additionalProperties?: unknown;
  };
  const inner = `${indent}  `;
  const members = Object.entries(properties).map(([name, property]) => {
    const mark = required.includes(name) ? "" : "?";
    return `${comment(property, inner)}${inner}${propertyName(name)}${mark}: ${printType(property, inner)};\n`;
  });
  const own = members.length === 0 ? null : `{\n${members.join("")}${indent}}`;
  const isMap = typeof rest === "object" && rest !== null;
  if (own === null)
    return isMap ? `{ [key: string]: ${printType(rest, indent)} }` : "{ [key: string]: unknown }";
  return isMap ? `${own} & { [key: string]: ${printType(rest, indent)} }` : own;
}

function grouped(type: string): string {
  return /[|&]/.test(type) ? `(${type})` : type;
}

function propertyName(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}

const TAGS = [
  "default",
  "minimum",
  "maximum",
  "minLength",
  "maxLength",
  "minItems",
  "maxItems",
  "pattern",
  "format",
];

/** What the schema says beside the type. */
function comment(schema: JsonSchema, indent: string): string {
  const { description, deprecated } = schema;
  const lines = typeof description === "string" ? description.split("\n") : [];
  for (const tag of TAGS) {
    const value = schema[tag];
    // Of tuples the type tells.
    if (value === undefined || value === "binary" || (tag.endsWith("Items") && "prefixItems" in schema))
      continue;
    lines.push(`@${tag} ${typeof value === "string" && tag !== "default" ? value : JSON.stringify(value)}`);
  }
  if (deprecated === true) lines.push("@deprecated");
  const safe = lines.map((line) => line.replaceAll("*/", "*\\/"));
  if (safe.length === 0) return "";
  if (safe.length === 1) return `${indent}/** ${safe[0]} */\n`;
  return `${indent}/**\n${safe.map((line) => `${indent} * ${line}`.trimEnd()).join("\n")}\n${indent} */\n`;
}
