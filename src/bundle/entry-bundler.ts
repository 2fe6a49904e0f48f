import { join } from "node:path";
import type { BuildContext, BuildOptions, BuildResult } from "esbuild";
import type { FoundFiles } from "./user-code-plugin.ts";
import { userCodePlugin } from "./user-code-plugin.ts";
import { packagesPlugin, type PackagesPluginOptions } from "./packages-plugin.ts";
import { providedModulesPlugin } from "./provided-modules-plugin.ts";

export interface EntryOptions {
  projectDir: string;
  /** Absolute path of the script. */
  file: string;
  /** Below code/, without its extension. */
  name: string;
  define: Record<string, string>;
  packages: PackagesPluginOptions;
}

export interface EntryBundler {
  /** Never rejects for faults of the user's code: they are in `errors`. */
  build(): Promise<EntryResult>;
  dispose(): Promise<void>;
}

export type EntryResult = BuildResult<{ metafile: true; write: false }> & { found: FoundFiles };

/**
 * Code in the bundle looks for packages in deps/ beside it. The two names are taken in by `define`, so that
 * user code may declare its own.
 */
const BANNER = `import { createRequire as __purlinCreateRequire } from "node:module";
import { fileURLToPath as __purlinFileURLToPath } from "node:url";
var require = __purlinCreateRequire(new URL("../deps/", import.meta.url));
var __purlinFilename = __purlinFileURLToPath(import.meta.url);
var __purlinDirname = __purlinFileURLToPath(new URL(".", import.meta.url)).slice(0, -1);`;

/** One script and its imports to one file, rebuilt incrementally. */
export async function createEntryBundler(options: EntryOptions): Promise<EntryBundler> {
  const { projectDir, packages } = options;
  const { context } = await import("esbuild");
  const found: FoundFiles = { assets: new Map(), workers: new Map() };
  const settings = {
    absWorkingDir: projectDir,
    entryPoints: [{ in: options.file, out: options.name }],
    // Nothing is written: the folder only says how the source map counts its paths.
    outdir: join(projectDir, "code"),
    outExtension: { ".js": ".mjs" },
    write: false,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    mainFields: ["module", "main"],
    charset: "utf8",
    keepNames: true,
    sourcemap: "linked",
    sourcesContent: false,
    metafile: true,
    logLevel: "silent",
    banner: { js: BANNER },
    define: { ...options.define, __filename: "__purlinFilename", __dirname: "__purlinDirname" },
    plugins: [
      providedModulesPlugin(),
      userCodePlugin({ projectDir, packages, found }),
      packagesPlugin(packages),
    ],
  } as const satisfies BuildOptions;
  let built: BuildContext<typeof settings> | null = null;

  return {
    async build() {
      found.assets.clear();
      found.workers.clear();
      try {
        built ??= await context(settings as unknown as typeof settings);
        return { ...(await built.rebuild()), found } as EntryResult;
      } catch (error) {
        if (!isBuildFailure(error)) throw error;
        const nothing = { outputFiles: [], metafile: { inputs: {}, outputs: {} }, mangleCache: {} };
        return {
          ...nothing,
          errors: error.errors,
          warnings: error.warnings,
          found,
        } as unknown as EntryResult;
      }
    },
    dispose: async () => built?.dispose(),
  };
}

function isBuildFailure(error: unknown): error is Pick<BuildResult, "errors" | "warnings"> {
  return error instanceof Error && Array.isArray((error as { errors?: unknown }).errors);
}
