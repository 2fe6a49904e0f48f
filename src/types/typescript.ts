import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Script } from "node:vm";
import type ts from "typescript-api";
import { installDir } from "../util/install-dir.ts";
import { userCacheDir } from "../util/user-cache-dir.ts";

export type TypeScript = typeof ts;

/** What src/build.mjs has made of the compiler. */
export const LIB_DIR = join(installDir(), "dist/types");
/** What the language itself declares. */
export const LIB_FILE = join(LIB_DIR, "lib.d.ts");
const COMPILER = join(LIB_DIR, "typescript.cjs");

export interface LoadedTypeScript {
  ts: TypeScript;
  /** Keeps what V8 has compiled of it by now; the next start is 150 ms shorter. Does nothing where that was done. */
  remember(): void;
}

/** The API of the compiler: 3.6 MB of code, of which little is ever run. */
export function loadTypeScript(): LoadedTypeScript {
  const cache = cacheFile();
  const cachedData = readIfThere(cache);
  const source = `(function (module, exports, require, __filename, __dirname) {${readFileSync(COMPILER, "utf8")}\n})`;
  const script = new Script(source, { filename: COMPILER, ...(cachedData === null ? {} : { cachedData }) });
  const module = { exports: {} };
  const run = script.runInThisContext() as (...given: unknown[]) => void;
  run(module, module.exports, createRequire(COMPILER), COMPILER, LIB_DIR);
  let isKept = cachedData !== null && script.cachedDataRejected !== true;
  return {
    ts: module.exports as TypeScript,
    remember() {
      if (isKept) return;
      isKept = true;
      writeQuietly(cache, script.createCachedData());
    },
  };
}

/** Another version of the compiler has another length; V8 refuses what another V8 has compiled. */
function cacheFile(): string {
  const name = `typescript-${process.version}-${process.arch}-${statSync(COMPILER).size}.bin`;
  return join(userCacheDir(process.env), "v8", name);
}

function readIfThere(file: string): Buffer | null {
  try {
    return readFileSync(file);
  } catch {
    return null;
  }
}

/** Whole or not at all; without it everything works as well, only slower. */
function writeQuietly(file: string, bytes: Buffer): void {
  const temporary = `${file}.${process.pid}`;
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(temporary, bytes);
    renameSync(temporary, file);
  } catch {
    // Read-only or full disk.
  }
}
