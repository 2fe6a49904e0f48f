import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Plugin } from "esbuild";
import { installDir } from "../util/install-dir.ts";

/** Names in the output, in place of paths of this machine. */
const SDK = "purlin";
const PROMETHEUS = "purlin-prometheus";
const OPENTELEMETRY = "purlin-opentelemetry";

/** Modules that Purlin puts into the bundle itself. */
export function providedModulesPlugin(): Plugin {
  return {
    name: "purlin-provided-modules",
    setup(build) {
      build.onResolve({ filter: /^purlin$/ }, () => ({ path: "sdk", namespace: SDK, sideEffects: false }));
      build.onLoad({ filter: /./, namespace: SDK }, async () => ({
        contents: await readFile(join(installDir(), "dist/sdk/index.mjs"), "utf8"),
        loader: "js",
      }));

      build.onResolve({ filter: /^prom-client$/ }, (args) => {
        if (args.namespace === PROMETHEUS || args.pluginData !== undefined) return undefined;
        const form = args.kind === "require-call" ? "require" : "import";
        return { path: form, namespace: PROMETHEUS, pluginData: { resolveDir: args.resolveDir } };
      });
      build.onLoad({ filter: /./, namespace: PROMETHEUS }, ({ path, pluginData }) => ({
        contents: path === "require" ? REQUIRED : IMPORTED,
        loader: "js",
        resolveDir: (pluginData as { resolveDir: string }).resolveDir,
      }));

      build.onResolve({ filter: /^@opentelemetry\/api$/ }, ({ namespace, pluginData, kind, resolveDir }) => {
        if (namespace === OPENTELEMETRY || pluginData !== undefined) return undefined;
        // Many packages ask for it where it happens to be installed.
        if (!isInstalled("@opentelemetry/api", resolveDir)) return undefined;
        const path = kind === "require-call" ? "require" : "import";
        return { path, namespace: OPENTELEMETRY, pluginData: { resolveDir } };
      });
      build.onLoad({ filter: /./, namespace: OPENTELEMETRY }, ({ path, pluginData }) => ({
        contents: WRAPPED_API[path] as string,
        loader: "js",
        resolveDir: (pluginData as { resolveDir: string }).resolveDir,
      }));
    },
  };
}

function isInstalled(name: string, from: string): boolean {
  try {
    createRequire(join(from, "model.ts")).resolve(name);
    return true;
  } catch {
    return false;
  }
}

/** Where traces are asked for, the runtime has put a function there that joins them with what user code makes. */
const JOIN = `globalThis[Symbol.for("purlin.opentelemetry")]?.(api);`;

const WRAPPED_API: Record<string, string> = {
  import: `import * as api from "@opentelemetry/api";
${JOIN}
export * from "@opentelemetry/api";
export default api;
`,
  require: `const api = require("@opentelemetry/api");
${JOIN}
module.exports = api;
`,
};

/** The runtime shows what is registered there on /metrics; the newest generation of the code counts. */
const REGISTER = `globalThis[Symbol.for("purlin.prometheus")] = client.register;`;

const IMPORTED = `import client from "prom-client";
${REGISTER}
export * from "prom-client";
export default client;
`;

const REQUIRED = `const client = require("prom-client");
${REGISTER}
module.exports = client;
`;
