import { type CallableMethod, CALLABLE_NAMES, methodPath } from "../../protocol/methods.ts";
import type { JsonSchema, MethodTypes } from "../../protocol/model-types.ts";
import { NamedSchemas } from "../../protocol/named-schemas.ts";
import { subSchemas } from "../../protocol/sub-schemas.ts";
import { printDeclaration, printType } from "./print-type.ts";

/** Names that the file uses for something else. */
const TAKEN = [
  "ClientOptions CallOptions ModelError Call Limit Caller EncodedBody Client createClient",
  "Array ArrayBuffer AsyncGenerator AsyncIterable Blob BodyInit Error FormData Infinity Object Promise Record",
  "Response Uint8Array AbortSignal AbortController TextDecoder ReturnType Pick Math Number Date JSON String RegExp",
  "any bigint boolean never null number object string symbol undefined unknown void",
].flatMap((line) => line.split(" "));

export interface MethodSignature {
  method: CallableMethod;
  path: string;
  description: string | undefined;
  /** Types of TypeScript. */
  input: string;
  output: string;
  /** null where it does not stream. */
  item: string | null;
  /** What the input is sent as. */
  body: "json" | "bytes" | "form";
}

export interface GeneratedTypes {
  declarations: string;
  methods: MethodSignature[];
}

/** The types of a model's methods, as what `/schema` of it, or its sources, say. */
export function generateTypes(methods: Record<string, Partial<MethodTypes>>): GeneratedTypes {
  const names = new NamedSchemas("#/types/", Object.fromEntries(TAKEN.map((name) => [name, {}])));
  const signatures = CALLABLE_NAMES.flatMap((method) => {
    const types = methods[method];
    return types === undefined ? [] : [signatureOf(method, types, names)];
  });
  const declarations = Object.entries(names.all)
    .filter(([name]) => !TAKEN.includes(name))
    .map(([name, schema]) => printDeclaration(name, schema));
  return { declarations: declarations.join("\n"), methods: signatures };
}

function signatureOf(
  method: CallableMethod,
  types: Partial<MethodTypes>,
  names: NamedSchemas,
): MethodSignature {
  const { input = null, output = null, item = null, supports_streaming: streams = false } = types;
  const prefix = method.charAt(0).toUpperCase() + method.slice(1);
  const printed = (schema: JsonSchema | null, name: string): string =>
    schema === null ? "unknown" : printType(names.add(schema, `${prefix}${name}`));
  const itemType = streams ? printed(item, "Item") : null;
  const takesBytes = types.binary_input === true;
  return {
    method,
    path: methodPath(method),
    description: types.description,
    input: takesBytes ? "Blob | Uint8Array | ArrayBuffer" : printed(input, "Input"),
    output: outputType(printed(output, "Output"), itemType, types),
    item: itemType,
    body: takesBytes ? "bytes" : hasFile(input) ? "form" : "json",
  };
}

/** A stream that is asked for as a whole is gathered: texts to one text, anything else to an array. */
function outputType(output: string, item: string | null, types: Partial<MethodTypes>): string {
  const parts = [
    ...(output === "unknown" && (item !== null || types.binary_output === true) ? [] : [output]),
    ...(item === null ? [] : [gathered(item)]),
    ...(types.binary_output === true ? ["Uint8Array"] : []),
  ];
  return parts.includes("unknown") ? "unknown" : [...new Set(parts)].join(" | ");
}

function gathered(item: string): string {
  if (item === "unknown" || item === "string") return item;
  return /[|&]/.test(item) ? `(${item})[]` : `${item}[]`;
}

function hasFile(schema: JsonSchema | null): boolean {
  return schema !== null && (schema["format"] === "binary" || subSchemas(schema).some(hasFile));
}
