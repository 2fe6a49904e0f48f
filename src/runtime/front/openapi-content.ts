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
    const schema = output === null ? {} : names.add(output, `${capital(method)}Output`);
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

/** Only a form carries files. */
function hasFile(schema: JsonSchema): boolean {
  return schema["format"] === "binary" || subSchemas(schema).some(hasFile);
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
