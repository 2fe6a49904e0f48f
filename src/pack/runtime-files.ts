import { join } from "node:path";
import { installDir } from "../util/install-dir.ts";
import type { PackageFile } from "./package-file.ts";

const NAMES = [
  "front.mjs",
  "model.mjs",
  "websocket.mjs",
  "telemetry.mjs",
  "tracing.mjs",
  "type-violations.mjs",
  "openapi.mjs",
  "binary.mjs",
  "form.mjs",
  "package.json",
];

/** The inference server that every package carries. */
export function runtimeFiles(): PackageFile[] {
  return NAMES.map((name) => ({
    layer: "runtime",
    path: `runtime/${name}`,
    source: join(installDir(), "dist/runtime", name),
    mode: "644",
    rule: "the bundled runtime",
  }));
}
