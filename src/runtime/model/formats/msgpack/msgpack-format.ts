import {
  type Decoded,
  type FormattedRequest,
  InputError,
  isInputError,
  type Reply,
  type WireFormat,
} from "../wire-format.ts";
import { datatypeOf } from "../tensors/datatypes.ts";
import { fromPython } from "./python-objects.ts";
import { readMsgpack } from "./read-msgpack.ts";
import { type Dialect, writeMsgpack } from "./write-msgpack.ts";

const TYPES = ["application/msgpack", "application/vnd.msgpack", "application/x-msgpack"];
const OCTETS = "application/octet-stream";

/** msgpack in, msgpack out, in the caller's dialect and under its name of the type. */
export const msgpackFormat: WireFormat = { decode };

function decode({ body, header }: FormattedRequest): Decoded {
  const type = header("content-type").trim().toLowerCase();
  const contentType = TYPES.find((name) => type.startsWith(name)) ?? OCTETS;
  let pythonSeen = false;
  const onMap = (map: Record<string, unknown>): unknown => {
    const found = fromPython(map);
    if (found === null) return map;
    pythonSeen = true;
    return found.value;
  };
  let input: unknown;
  try {
    input = readMsgpack(body, { onMap });
  } catch (error) {
    throw contentType === OCTETS && isInputError(error) ? withAdvice(error) : error;
  }
  // Truss's clients, which are Python, call msgpack octet-stream; others that do send arrays as they want them back.
  const dialect = pythonSeen || (contentType === OCTETS && !holdsArray(input)) ? "python" : "extensions";
  return { input, reply: replyIn(contentType, dialect) };
}

/** Whoever sends a picture under this type hardly thinks of msgpack. */
function withAdvice({ code, message }: InputError): InputError {
  return new InputError(code, `${message} (a model takes other bytes with static input = "raw")`);
}

function replyIn(contentType: string, dialect: Dialect): Reply {
  return {
    encode: (output) => ({ contentType, body: writeMsgpack(output, dialect) }),
    item: { contentType, encode: (value) => writeMsgpack(value, dialect) },
  };
}

/** Is there a typed array in it that came as an extension? */
function holdsArray(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (ArrayBuffer.isView(value)) return !(value instanceof Uint8Array) && datatypeOf(value) !== undefined;
  const items = Array.isArray(value) ? value : Object.values(value);
  return items.some(holdsArray);
}
