/** Native addons that only some versions of Node can load, in PACKAGE_PATHS.addons; the file is there only if one is. */
export interface BoundAddon {
  /** The npm package, or the addon's own path. */
  name: string;
  /** From the package root. */
  file: string;
  /** Values of `process.versions.modules` for which the package has a copy of the addon. */
  abis: number[];
}

/** What a Node is, as far as addons care. */
export interface NodeAbi {
  /** process.versions.node */
  version: string;
  /** process.versions.modules */
  abi: number;
}

/** https://github.com/nodejs/node/blob/main/doc/abi_version_registry.json: releases with a version of their own. */
const MAJORS: Record<number, number> = {
  93: 16,
  108: 18,
  111: 19,
  115: 20,
  120: 21,
  127: 22,
  131: 23,
  137: 24,
  141: 25,
  147: 26,
};
const MAX_ADDONS = 10_000;

/** What is in the file; what does not look like it counts as no addons, for Node itself refuses a wrong one. */
export function readAddons(text: string): BoundAddon[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return [];
  }
  return Array.isArray(value) ? value.slice(0, MAX_ADDONS).filter(isAddon) : [];
}

/** The addons that this Node cannot load. */
export function foreignAddons(addons: readonly BoundAddon[], { abi }: NodeAbi): BoundAddon[] {
  return addons.filter(({ abis }) => !abis.includes(abi));
}

/** One sentence for all of them; `node` is who would have to load them: "this is", "that host runs". */
export function describeForeign(
  addons: readonly BoundAddon[],
  node: string,
  { version, abi }: NodeAbi,
): string {
  const each = addons.map(
    ({ name, file, abis }) => `${name} for ${abis.map(nodeOf).join(" and ")} (${file})`,
  );
  return `Native addons were compiled for another version of Node, and ${node} Node ${version} (ABI ${abi}): ${each.join(", ")}`;
}

export const FOREIGN_ADDON_HINT =
  "Use one major version of Node to install, build and run: under the Node that is to run the package, run npm rebuild in the project, then purlin build.";

function nodeOf(abi: number): string {
  const major = MAJORS[abi];
  return major === undefined ? `ABI ${abi}` : `Node ${major} (ABI ${abi})`;
}

function isAddon(value: unknown): value is BoundAddon {
  if (typeof value !== "object" || value === null) return false;
  const { name, file, abis } = value as Record<string, unknown>;
  return (
    typeof name === "string" &&
    typeof file === "string" &&
    Array.isArray(abis) &&
    abis.every((abi) => Number.isSafeInteger(abi))
  );
}
