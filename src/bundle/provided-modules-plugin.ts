import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Plugin } from "esbuild";
import { installDir } from "../util/install-dir.ts";

/** Names in the output, in place of paths of this machine. */
const SDK = "purlin";
const PROMETHEUS = "purlin-prometheus";

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
    },
  };
}

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
