import { readFileSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, extname, join, relative, resolve } from "node:path";
import type { Loader, PartialMessage, Plugin, PluginBuild } from "esbuild";
import {
  ASSET_EXTENSIONS,
  ASSET_NAMESPACE,
  assetPath,
  CODE_EXTENSIONS,
  stablePath,
  workerPath,
} from "./asset-files.ts";
import { locateInPackage, type PackagesPluginOptions } from "./packages-plugin.ts";
import { mayNeedRewriting, rewriteUserCode, type Surroundings } from "./rewrite-user-code.ts";

/** What the user's code named beside the modules it imports; filled anew by each build. */
export interface FoundFiles {
  /** Absolute path of a file or folder -> path below code/. */
  assets: Map<string, string>;
  /** Absolute path of a script -> path of its own bundle below code/. */
  workers: Map<string, string>;
}

export interface UserCodePluginOptions {
  projectDir: string;
  packages: PackagesPluginOptions;
  found: FoundFiles;
}

/** Looks at each of the user's own files on its way into the bundle. */
export function userCodePlugin(options: UserCodePluginOptions): Plugin {
  return {
    name: "purlin-user-code",
    setup(build) {
      build.onLoad({ filter: new RegExp(outsideNodeModules(CODE_EXTENSIONS)) }, async ({ path }) => {
        const source = await readFile(path, "utf8");
        if (!mayNeedRewriting(source)) return undefined;
        const { code, warnings } = await rewriteUserCode(source, surroundingsOf(path, build, options));
        return {
          contents: code,
          loader: loaderOf(path),
          warnings: warnings.map(({ message, hint, offset }) => ({
            text: message,
            location: placeOf(source, offset, relative(options.projectDir, path)),
            notes: [{ text: hint }],
          })),
        };
      });
      build.onLoad({ filter: new RegExp(outsideNodeModules(ASSET_EXTENSIONS)) }, ({ path }) =>
        assetModule(path, options),
      );
      build.onLoad({ filter: /./, namespace: ASSET_NAMESPACE }, ({ pluginData }) =>
        assetModule(pluginData as string, options),
      );
      build.onLoad({ filter: new RegExp(outsideNodeModules([".node"])) }, ({ path }) => ({
        contents: `module.exports = require(${JSON.stringify(`../code/${assetOf(path, options)}`)});`,
        loader: "js",
        watchFiles: [path],
      }));
      // Also reached from the module above, where it stays as it is.
      build.onResolve({ filter: /^\.\.\/code\/assets\// }, ({ path }) => ({ path, external: true }));
    },
  };
}

/** An import of a file gives its absolute path, wherever the package lies. */
function assetModule(path: string, options: UserCodePluginOptions) {
  const url = `new URL(${JSON.stringify(`./${assetOf(path, options)}`)}, import.meta.url)`;
  return {
    contents: `import { fileURLToPath } from "node:url";\nexport default fileURLToPath(${url});\n`,
    loader: "js" as const,
    resolveDir: dirname(path),
    watchFiles: [path],
  };
}

function assetOf(path: string, { found, projectDir }: UserCodePluginOptions): string {
  const packed = assetPath(path, projectDir);
  found.assets.set(path, packed);
  return packed;
}

function surroundingsOf(file: string, build: PluginBuild, options: UserCodePluginOptions): Surroundings {
  const { projectDir, found, packages } = options;
  const absolute = (path: string): string => resolve(dirname(file), path);
  return {
    kindOf(path) {
      const stat = statSync(absolute(path), { throwIfNoEntry: false });
      if (stat?.isFile()) return "file";
      return stat?.isDirectory() ? "folder" : null;
    },
    asset: (path) => assetOf(absolute(path), options) + (path.endsWith("/") ? "/" : ""),
    worker(path) {
      const packed = workerPath(absolute(path), projectDir);
      found.workers.set(absolute(path), packed);
      return packed;
    },
    async packageFile(specifier) {
      const args = {
        path: specifier,
        kind: "require-resolve" as const,
        resolveDir: dirname(file),
        importer: file,
      };
      const located = await locateInPackage(build, args, packages);
      if (located === null) return null;
      packages.outside.add(located.pkg, "its files are looked for by name");
      return `../deps/${packages.outside.location(located.pkg)}/${located.path}`;
    },
  };
}

function loaderOf(path: string): Loader {
  const kind = extname(path).replace(/^\.[cm]/, ".");
  return kind.slice(1) as Loader;
}

function placeOf(source: string, offset: number, file: string): PartialMessage["location"] {
  const before = source.slice(0, offset);
  const line = before.split("\n").length;
  const start = before.lastIndexOf("\n") + 1;
  const lineText = source.slice(start).split("\n", 1)[0] ?? "";
  return { file: stablePath(file), line, column: Buffer.byteLength(before.slice(start)), lineText };
}

/** Text for a Go regular expression, which has no look-around: no folder on the path is called node_modules. */
function outsideNodeModules(extensions: Iterable<string>): string {
  const word = "node_modules";
  const differing = [...word].map((letter, index) => `${word.slice(0, index)}([^/${letter}][^/]*)?`);
  const ending = [...extensions].map((extension) => extension.replace(".", "\\.")).join("|");
  return `^(/(${differing.join("|")}|${word}[^/]+))*/[^/]*(${ending})$`;
}

/** The bytes of everything found, folders with all that is in them. */
export function readFoundAssets(found: FoundFiles, listFolder: (dir: string) => string[]) {
  return [...found.assets].flatMap(([file, path]) =>
    statSync(file).isDirectory()
      ? listFolder(file).map((name) => ({
          file: join(file, name),
          path: `${path}/${name}`,
          contents: readFileSync(join(file, name)),
        }))
      : [{ file, path, contents: readFileSync(file) }],
  );
}
