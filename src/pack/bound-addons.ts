import { posix } from "node:path";
import type { BoundAddon } from "../protocol/addons.ts";
import { PACKAGE_PATHS } from "../protocol/manifest.ts";
import { type AddonAbi, readAddonAbi } from "./addon-abi.ts";
import type { PackageFile } from "./package-file.ts";

/** What no Node loads: prebuilds for programs that bring a Node of their own. */
const OTHER_PROGRAMS = /(^|[/.-])(electron|node-webkit|nw)[.-]/;

export interface AddonRules {
  /** `process.versions.modules` of the Node that builds. */
  abi: number;
  /** Folders in the package whose addons the model may do without: "deps/node_modules/bufferutil". */
  optional: readonly string[];
}

/** The list of the addons that only some versions of Node can load, as a file of the package; none where there are none. */
export function addonsFile(files: readonly PackageFile[], rules: AddonRules): PackageFile[] {
  const addons = boundAddons(files, rules);
  if (addons.length === 0) return [];
  return [
    {
      layer: "deps",
      path: PACKAGE_PATHS.addons,
      source: Buffer.from(`${JSON.stringify(addons)}\n`),
      mode: "644",
      rule: "the addons that only some versions of Node can load",
    },
  ];
}

function boundAddons(files: readonly PackageFile[], { abi, optional }: AddonRules): BoundAddon[] {
  const found = new Map<string, { file: string; abis: AddonAbi[] }>();
  for (const { path, source } of files) {
    if (!path.endsWith(".node") || typeof source !== "string" || OTHER_PROGRAMS.test(path)) continue;
    if (optional.some((folder) => path.startsWith(`${folder}/`))) continue;
    const one = readAddonAbi(source);
    if (one === null) continue;
    const family = familyOf(path);
    const known = found.get(family) ?? { file: path, abis: [] };
    known.abis.push(one);
    found.set(family, known);
  }
  return [...found.values()]
    .filter(({ abis }) => !abis.includes("any"))
    .map(({ file, abis }) => ({
      name: packageNameOf(file),
      file,
      abis: [...new Set(abis.flatMap((each) => (each === "building" ? abi : each)))]
        .map(Number)
        .sort(byNumber),
    }));
}

/**
 * Copies of one addon, of which the package chooses one when it is loaded, differ in digits and tags only:
 * prebuilds/linux-x64/node.abi115.node and node.napi.node; binding/node-v115-linux-x64/x.node and node-v127-….
 */
function familyOf(path: string): string {
  const stem = posix.basename(path).split(".")[0] as string;
  return `${posix.dirname(path).replaceAll(/\d+/g, "#")}/${stem}`;
}

function packageNameOf(path: string): string {
  const below = path.split("node_modules/").at(-1) as string;
  if (below === path) return path;
  return below
    .split("/")
    .slice(0, below.startsWith("@") ? 2 : 1)
    .join("/");
}

function byNumber(a: number, b: number): number {
  return a - b;
}
