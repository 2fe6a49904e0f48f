import type { JsonSchema, MethodTypes } from "../../protocol/model-types.ts";
import type { NamedSchemas } from "../../protocol/named-schemas.ts";
import { subSchemas } from "../../protocol/sub-schemas.ts";

type Content = Record<string, { schema: JsonSchema }>;

const JSON_TYPE = "application/json";
const BYTES = "application/octet-stream";
const MSGPACK = "application/msgpack";
const FORM = "multipart/form-data";
const SSE = "text/event-stream";

/** Body types that a method takes. */
export function requestContent(method: string, types: Partial<MethodTypes>, names: NamedSchemas): Content {
  if (types.binary_input === true) return { [BYTES]: { schema: {} } };
  const { input } = types;
  const schema = input === null || input === undefined ? {} : names.add(input, `${capital(method)}Input`);
  if (hasFile(input ?? {})) return { [FORM]: { schema } };
  return { [JSON_TYPE]: { schema }, [MSGPACK]: { schema } };
}

/** Body types that a method answers with: whole, item by item, or either. */
export function answerContent(method: string, types: Partial<MethodTypes>, names: NamedSchemas): Content {
  const {
    output = null,
    item = null,
    supports_streaming: streams = false,
    binary_output: bytes = false,
  } = types;
  const content: Content = {};
  if (output !== null || (!streams && !bytes)) {
    const told = method === "embeddings" && output !== null ? withBase64(output) : output;
    const schema = told === null ? {} : names.add(told, `${capital(method)}Output`);
    content[JSON_TYPE] = { schema };
    // For a request of that type.
    content[MSGPACK] = { schema };
  }
  if (bytes) content[BYTES] = { schema: {} };
  if (!streams) return content;
  const isText = item?.["type"] === "string" || item?.["const"] !== undefined || item?.["enum"] !== undefined;
  const one = item === null ? {} : names.add(item, `${capital(method)}Item`);
  content[SSE] = { schema: { type: "string", description: "Events; the data of each is one item." } };
  if (isText || item === null) content["text/plain"] = { schema: { type: "string" } };
  if (!isText) content["application/x-ndjson"] = { schema: one };
  // Asked for with `Accept: application/json`, and with nothing else.
  const gathered = isText ? { type: "string" } : { type: "array", items: one };
  content[JSON_TYPE] ??= { schema: item === null ? {} : gathered };
  return content;
}

/** A vector is the base64 of its floats where the client asks for `encoding_format: "base64"`, as most do. */
function withBase64(schema: JsonSchema): JsonSchema {
  const changed = Object.entries(schema).map(([key, value]): [string, unknown] => {
    if (key === "properties" && isObject(value) && isObject(value["embedding"])) {
      const text = { type: "string", contentEncoding: "base64" };
      const embedding = { anyOf: [value["embedding"], text] };
      return [key, { ...(withBase64(value) as object), embedding }];
    }
    if (Array.isArray(value))
      return [key, value.map((each: unknown) => (isObject(each) ? withBase64(each) : each))];
    return [key, isObject(value) ? withBase64(value) : value];
  });
  return Object.fromEntries(changed) as JsonSchema;
}

function isObject(value: unknown): value is JsonSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Only a form carries files. */
function hasFile(schema: JsonSchema): boolean {
  return schema["format"] === "binary" || subSchemas(schema).some(hasFile);
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
