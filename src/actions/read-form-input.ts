import { readFile } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { AppError } from "../errors.ts";
import { contentTypeOfFile } from "../protocol/example-request.ts";
import type { PredictInput } from "./read-predict-input.ts";

/** Fields as typed after -F, as curl has them: name=text or name=@file, either with ;type=TYPE behind it. */
export async function readFormInput(fields: readonly string[], cwd: string): Promise<PredictInput> {
  const form = new FormData();
  for (const field of fields) {
    const { name, value, type } = parseField(field);
    if (value.startsWith("@")) form.append(name, await fileOf(value.slice(1), { cwd, type }));
    // A text has no type of its own in FormData; a nameless Blob stands for it, as it does in browsers.
    else if (type !== undefined) form.append(name, new Blob([value], { type }));
    else form.append(name, value);
  }
  const whole = new Response(form);
  const body = new Uint8Array(await whole.arrayBuffer());
  return { contentType: whole.headers.get("content-type") as string, body, length: body.byteLength };
}

function parseField(field: string): { name: string; value: string; type: string | undefined } {
  const match = /^([^=]+)=([\s\S]*?)(?:;type=([\w.+-]+\/[\w.+-]+))?$/.exec(field);
  if (match === null) {
    throw new AppError("INPUT_INVALID", `-F ${field} is no field of a form.`, {
      hint: "Write it as -F name=text or -F name=@file, with ;type=application/json behind it where it has a type.",
    });
  }
  const [, name = "", value = "", type] = match;
  return { name, value, type };
}

async function fileOf(
  path: string,
  { cwd, type = contentTypeOfFile(path) }: { cwd: string; type: string | undefined },
): Promise<File> {
  try {
    return new File([await readFile(resolve(cwd, path))], basename(path), { type });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") throw new AppError("INPUT_INVALID", `There is no file ${path}.`, { cause: error });
    if (code === "EISDIR") throw new AppError("INPUT_INVALID", `${path} is a folder, not a file.`);
    throw error;
  }
}
