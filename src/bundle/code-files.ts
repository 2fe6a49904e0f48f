import { readdirSync } from "node:fs";
import type { CodeFile } from "./model-bundle.ts";
import type { EntryResult } from "./entry-bundler.ts";
import { isInstalled } from "./installed-package.ts";
import { readFoundAssets } from "./user-code-plugin.ts";

/** What goes into code/: bundles, their source maps and the files they name; nothing in it tells where it was made. */
export function codeFiles(
  results: readonly EntryResult[],
  projectDir: string,
  more: readonly CodeFile[],
): CodeFile[] {
  const files = new Map(more.map(({ path, contents }) => [path, contents]));
  const codeDir = `${projectDir}/code/`;
  for (const { outputFiles, metafile, found } of results) {
    const prefixes = machinePrefixes(Object.keys(metafile.inputs));
    for (const { path, contents } of outputFiles) {
      const name = path.slice(codeDir.length).replaceAll("\\", "/");
      files.set(name, prefixes.length === 0 ? contents : withoutPrefixes(name, contents, prefixes));
    }
    for (const { path, contents } of readFoundAssets(found, listFolder)) files.set(path, contents);
  }
  return [...files]
    .map(([path, contents]) => ({ path, contents }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** ../../cache/ab12/ where packages lie outside the project: in a parent folder, or anywhere by way of a link. */
function machinePrefixes(inputs: readonly string[]): string[] {
  const prefixes = inputs.flatMap((input) => {
    const path = input.replace(/^[a-z-]{2,}:/, "");
    return path.startsWith("../") && isInstalled(path) ? [path.slice(0, path.indexOf("node_modules/"))] : [];
  });
  return [...new Set(prefixes)].sort((a, b) => b.length - a.length);
}

function withoutPrefixes(name: string, contents: Uint8Array, prefixes: readonly string[]): Uint8Array {
  let text = Buffer.from(contents).toString("utf8");
  for (const prefix of prefixes) {
    const literal = prefix.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`);
    if (name.endsWith(".map")) {
      // Sources are counted from code/, one level further down.
      text = text.replaceAll(`"../${prefix}node_modules/`, `"../node_modules/`);
    } else {
      // Only where esbuild names modules: a comment line before each, and the key of each CommonJS wrapper.
      text = text.replaceAll(new RegExp(`^(\\s*// (?:[a-z-]+:)?)${literal}(node_modules/)`, "gm"), "$1$2");
      text = text.replaceAll(new RegExp(`^(\\s*")${literal}(node_modules/[^"\\n]*"\\()`, "gm"), "$1$2");
    }
  }
  return Buffer.from(text);
}

function listFolder(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`.slice(dir.replace(/\/$/, "").length + 1))
    .sort();
}
