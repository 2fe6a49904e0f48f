import busboy from "busboy";
import { type Decoded, type FormattedRequest, InputError, type WireFormat } from "./wire-format.ts";

/** Parts cost more memory than their bytes. */
const MAX_PARTS = 10_000;

/** A field's values in the order of the parts: texts, parsed JSON, or files. */
type Fields = Map<string, unknown[]>;

/** multipart/form-data: `input` is an object of the fields; the answer is as for JSON. */
export const formFormat: WireFormat = { decode };

async function decode({ body, header }: FormattedRequest): Promise<Decoded> {
  const fields = await readForm(body, header("content-type"));
  const input: Record<string, unknown> = {};
  for (const [name, values] of fields) {
    const value = values.length === 1 ? values[0] : values;
    // A field may have any name, __proto__ too.
    Object.defineProperty(input, name, { value, enumerable: true, configurable: true, writable: true });
  }
  return { input, reply: null };
}

function readForm(body: Buffer, contentType: string): Promise<Fields> {
  return new Promise((resolve, reject) => {
    const fields: Fields = new Map();
    const fail = (why: string): void =>
      reject(new InputError("INVALID_FORM", `Invalid form payload: ${why}`));
    const add = (name: string, value: unknown): void => {
      const values = fields.get(name);
      if (values === undefined) fields.set(name, [value]);
      else values.push(value);
    };
    const addJson = (name: string, text: string): void => {
      try {
        add(name, JSON.parse(text));
      } catch (error) {
        fail(`the part ${JSON.stringify(name)} is no JSON: ${(error as Error).message}`);
      }
    };
    let parser: busboy.Busboy;
    try {
      parser = busboy({
        headers: { "content-type": contentType },
        defParamCharset: "utf8",
        limits: { parts: MAX_PARTS, fieldSize: Infinity, fieldNameSize: 1024 },
      });
    } catch (error) {
      // No boundary in the content type.
      return fail((error as Error).message);
    }
    parser.on("field", (name: string | undefined, text, { mimeType, nameTruncated }) => {
      if (name === undefined) return fail("a part has no name");
      if (nameTruncated) return fail(`the name of a part is too long: ${name.slice(0, 40)}…`);
      if (isJson(mimeType)) addJson(name, text);
      else add(name, text);
    });
    parser.on("file", (name: string | undefined, stream, { filename, mimeType }) => {
      const pieces: Buffer<ArrayBuffer>[] = [];
      stream.on("data", (piece: Buffer<ArrayBuffer>) => pieces.push(piece));
      // A form that ends inside a file says so here, and would end the process if nobody listened.
      stream.on("error", (error) => fail(error.message));
      stream.on("end", () => {
        if (name === undefined) return fail("a part has no name");
        // FormData of browsers and of Node calls a Blob that has no name `blob`: there is no other way to send JSON.
        if (isJson(mimeType) && filename === "blob") addJson(name, Buffer.concat(pieces).toString());
        else add(name, new File(pieces, filename ?? "", { type: mimeType }));
      });
    });
    parser.on("partsLimit", () => fail(`it has more than ${MAX_PARTS} parts`));
    parser.on("error", (error) => fail((error as Error).message));
    parser.on("close", () => resolve(fields));
    if (body.byteLength === 0) return fail("the body is empty");
    parser.end(body);
  });
}

function isJson(type: string): boolean {
  return type.toLowerCase() === "application/json";
}
