import { type ChangeKind, classifyCodeChange } from "../../bundle/classify-change.ts";
import type { ModelBundle } from "../../bundle/model-bundle.ts";
import type { ReloadKind } from "../../events.ts";
import type { Project } from "../../project/project.ts";
import type { Config } from "../../protocol/config.ts";
import { PACKAGE_PATHS } from "../../protocol/manifest.ts";
import { SETTINGS } from "../../protocol/settings.ts";

const MODEL_FILE = "model.mjs";

/** What a change of config.yaml asks for; null where there is none. */
export function changeOfConfig(before: Project, now: Project): { kind: ReloadKind; reason: string } | null {
  if (before.configText === now.configText) return null;
  const [old, next] = [before.config, now.config];
  const changed = (Object.keys(next) as (keyof Config)[]).filter(
    (key) => JSON.stringify(old[key]) !== JSON.stringify(next[key]),
  );
  const more = changed.filter((key) => !SETTINGS.includes(key));
  if (more.length > 0) return { kind: "generation", reason: `${more.join(", ")} in config.yaml changed` };
  const what = changed.length === 0 ? "only the layout of" : `only ${changed.join(" and ")} in`;
  return { kind: "settings", reason: `${what} config.yaml changed` };
}

/** How other code of the model can take over from what is loaded. */
export function changeOfCode(before: ModelBundle, after: ModelBundle, className: string): ChangeKind {
  const other = changedFiles(before, after).find((path) => !path.startsWith(MODEL_FILE) && !isOfTypes(path));
  if (other !== undefined) return { kind: "process", reason: `code/${other} changed` };
  return classifyCodeChange(modelText(before), modelText(after), className);
}

/** They are read anew with the methods. */
function isOfTypes(path: string): boolean {
  return [PACKAGE_PATHS.types, PACKAGE_PATHS.check, PACKAGE_PATHS.explain].some(
    (one) => one === `code/${path}`,
  );
}

function changedFiles(before: ModelBundle, after: ModelBundle): string[] {
  const old = new Map(before.files.map(({ path, contents }) => [path, contents]));
  const changed = after.files.filter(({ path, contents }) => !sameBytes(old.get(path), contents));
  const names = new Set(after.files.map(({ path }) => path));
  return [...changed.map(({ path }) => path), ...[...old.keys()].filter((path) => !names.has(path))];
}

export function sameCode(a: ModelBundle, b: ModelBundle): boolean {
  return changedFiles(a, b).length === 0;
}

function sameBytes(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && Buffer.compare(a, b) === 0;
}

export function modelText(bundle: ModelBundle): string {
  const file = bundle.files.find(({ path }) => path === MODEL_FILE);
  return Buffer.from(file?.contents ?? []).toString("utf8");
}

/** Tells whether the packages outside a bundle are the same. */
export function externalsKey(bundle: ModelBundle): string {
  return bundle.externals
    .map(({ name, version, dir }) => `${name}@${version} ${dir}`)
    .sort()
    .join("\n");
}
