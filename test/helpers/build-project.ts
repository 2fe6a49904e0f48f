import type { TestContext } from "node:test";
import { join } from "node:path";
import { build, type BuildOptions, type BuildResult } from "../../src/actions/build.ts";
import { createModelBundler } from "../../src/bundle/create-model-bundler.ts";
import type { ModelBundle } from "../../src/bundle/model-bundle.ts";
import { type ActionEvent, silentReporter } from "../../src/events.ts";
import { loadProject } from "../../src/project/load-project.ts";
import { readTarget } from "../../src/util/host-target.ts";
import { makeTree } from "./make-tree.ts";
import { tmpDir } from "./tmp-dir.ts";

export const ECHO_MODEL = "export class Model {\n  predict(input: unknown) {\n    return input;\n  }\n}\n";

/** A project in a temporary folder: the smallest one, with these files over it. */
export async function makeProject(
  t: Pick<TestContext, "after">,
  files: Record<string, string | Uint8Array> = {},
): Promise<string> {
  const dir = join(await tmpDir(t), "project");
  await makeTree(dir, { "config.yaml": "model_name: test\n", "model/model.ts": ECHO_MODEL, ...files });
  return dir;
}

/** One build of the bundle alone. */
export async function bundleProject(dir: string): Promise<ModelBundle> {
  const project = await loadProject(dir);
  const bundler = await createModelBundler({ project, target: readTarget(null) });
  try {
    return await bundler.build();
  } finally {
    await bundler.dispose();
  }
}

export function textOf(bundle: ModelBundle, path = "model.mjs"): string {
  const file = bundle.files.find((each) => each.path === path);
  if (!file) throw new Error(`${path} is not among ${bundle.files.map((each) => each.path).join(", ")}`);
  return Buffer.from(file.contents).toString("utf8");
}

/** `purlin build` within this process; `events` gathers what it tells. */
export async function buildProject(
  dir: string,
  options: Partial<BuildOptions> & { events?: ActionEvent[] } = {},
): Promise<BuildResult> {
  const { events, ...rest } = options;
  const report = events ? { emit: (event: ActionEvent) => void events.push(event) } : silentReporter;
  return build({ dir, report, ...rest });
}
