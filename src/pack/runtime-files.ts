import { readdirSync } from "node:fs";
import { join } from "node:path";
import { installDir } from "../util/install-dir.ts";
import type { PackageFile } from "./package-file.ts";

/** The inference server that every package carries: what src/build.mjs has made of src/runtime/. */
export function runtimeFiles(): PackageFile[] {
  const dir = join(installDir(), "dist/runtime");
  const names = readdirSync(dir).filter((name) => name.endsWith(".mjs") || name === "package.json");
  return names.sort().map((name) => ({
    layer: "runtime",
    path: `runtime/${name}`,
    source: join(dir, name),
    mode: "644",
    rule: "the bundled runtime",
  }));
}
