import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../../errors.ts";
import type { Example } from "../../protocol/config.ts";
import { exampleInputPath } from "../../protocol/example-request.ts";

/** What an example is sent with. Throws AppError INPUT_INVALID where its file cannot be read. */
export async function exampleBody(example: Example, packageDir: string): Promise<Uint8Array | string> {
  const path = exampleInputPath(example);
  if (path === null) return JSON.stringify(example.input ?? null);
  try {
    return await readFile(join(packageDir, path));
  } catch (error) {
    throw new AppError("INPUT_INVALID", `its input_file cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
