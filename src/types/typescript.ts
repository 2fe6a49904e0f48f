import { createRequire } from "node:module";
import { join } from "node:path";
import type ts from "typescript-api";
import { installDir } from "../util/install-dir.ts";

export type TypeScript = typeof ts;

/** What src/build.mjs has made of the compiler. */
export const LIB_DIR = join(installDir(), "dist/types");
/** What the language itself declares. */
export const LIB_FILE = join(LIB_DIR, "lib.d.ts");

/** The API of the compiler, as src/build.mjs has put it into dist/: a quarter of a second, 60 MB. */
export function loadTypeScript(): TypeScript {
  const require = createRequire(import.meta.url);
  return require(join(LIB_DIR, "typescript.cjs")) as TypeScript;
}
