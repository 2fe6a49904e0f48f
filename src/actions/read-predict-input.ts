import { isUtf8 } from "node:buffer";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import type { Readable } from "node:stream";
import { AppError, type SourceLocation } from "../errors.ts";

export interface PredictInput {
  contentType: string;
  body: Uint8Array | string | Readable;
  /** Bytes, where they are known beforehand. */
  length: number | null;
}

export interface PredictInputSource {
  /** JSON as typed after -d. */
  data?: string | undefined;
  /** Absolute path, and the name as typed. */
  file?: { path: string; name: string } | undefined;
  stdin?: Readable | undefined;
  /** Sent as it is under this type, unread. */
  contentType?: string | undefined;
}

const JSON_TYPE = "application/json";
const BYTES_TYPE = "application/octet-stream";
/** As much of a file as tells text from bytes. */
const HEAD_BYTES = 64 * 1024;

/**
 * What is sent: JSON, checked before it leaves, or bytes. A file that is no text goes out as bytes.
 * Throws AppError INPUT_INVALID with the place of the fault.
 */
export async function readPredictInput(source: PredictInputSource): Promise<PredictInput> {
  const { data, file, stdin, contentType } = source;
  if (data !== undefined) return fromBytes(Buffer.from(data), "-d", contentType);
  if (file) return fromFile(file, contentType);
  const chunks: Uint8Array[] = [];
  for await (const chunk of stdin ?? []) chunks.push(chunk as Uint8Array);
  const bytes = Buffer.concat(chunks);
  if (bytes.length === 0) {
    throw new AppError("INPUT_INVALID", "There is no input: stdin is empty.", {
      hint: "Give it with -d '{\"a\": 1}', with -f input.json, or on stdin.",
    });
  }
  return fromBytes(bytes, "stdin", contentType);
}

async function fromFile(
  { path, name }: { path: string; name: string },
  contentType: string | undefined,
): Promise<PredictInput> {
  const handle = await openInput(path, name);
  try {
    const { size } = await handle.stat();
    const head = Buffer.alloc(Math.min(size, HEAD_BYTES));
    await handle.read(head, 0, head.length, 0);
    const isBytes = contentType !== undefined || !isTextHead(head, size);
    if (isBytes)
      return { contentType: contentType ?? BYTES_TYPE, body: createReadStream(path), length: size };
    return fromBytes(await handle.readFile(), name, undefined);
  } finally {
    await handle.close();
  }
}

async function openInput(path: string, name: string): Promise<Awaited<ReturnType<typeof open>>> {
  try {
    const handle = await open(path);
    if ((await handle.stat()).isFile()) return handle;
    await handle.close();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new AppError("INPUT_INVALID", `There is no file ${name}.`, { cause: error });
  }
  throw new AppError("INPUT_INVALID", `${name} is a folder, not a file.`);
}

/** A head that was cut may end within a character. */
function isTextHead(head: Uint8Array, size: number): boolean {
  if (head.includes(0)) return false;
  const cut = size > head.length;
  return [0, 1, 2, 3].some((trim) => (trim === 0 || cut) && isUtf8(head.subarray(0, head.length - trim)));
}

function fromBytes(bytes: Buffer, name: string, contentType: string | undefined): PredictInput {
  const type = contentType ?? (isTextHead(bytes, bytes.length) ? JSON_TYPE : BYTES_TYPE);
  if (type === JSON_TYPE) checkJson(bytes.toString("utf8"), name);
  return { contentType: type, body: bytes, length: bytes.length };
}

function checkJson(text: string, name: string): void {
  try {
    JSON.parse(text);
  } catch (error) {
    const reason = (error as Error).message.replace(/ in JSON at position.*$/s, "");
    throw new AppError("INPUT_INVALID", `The input is not JSON: ${reason}.`, {
      cause: error,
      location: placeOf(text, (error as Error).message, name),
      hint: "A string needs its quotes: -d '\"text\"'. Bytes need their type: --content-type application/octet-stream.",
    });
  }
}

/** V8 tells the place as an offset, or not at all where the text just ends. */
function placeOf(text: string, message: string, name: string): SourceLocation {
  const offset = Number(/at position (\d+)/.exec(message)?.[1] ?? text.length);
  const before = text.slice(0, offset).split("\n");
  const line = before.length;
  return {
    file: name,
    line,
    column: (before.at(-1)?.length ?? 0) + 1,
    lineText: text.split("\n")[line - 1] ?? "",
  };
}
