import { join } from "node:path";
import { type ChangeKind, classifyCodeChange, prepareComparison } from "../../bundle/classify-change.ts";
import { createModelBundler } from "../../bundle/create-model-bundler.ts";
import type { ModelBundle, ModelBundler } from "../../bundle/model-bundle.ts";
import type { Reporter } from "../../events.ts";
import { silentReporter } from "../../events.ts";
import { sha256 } from "../../pack/digest.ts";
import { readManifestFile } from "../../pack/earlier-package.ts";
import { manifestOf } from "../../pack/pack-package.ts";
import { loadProject } from "../../project/load-project.ts";
import type { Project } from "../../project/project.ts";
import type { Generation } from "../../protocol/control.ts";
import type { FileEntry, PackageManifest } from "../../protocol/manifest.ts";
import type { Target } from "../../protocol/target.ts";
import type { ServingTree } from "../../supervise/serving-tree.ts";
import { readTarget } from "../../util/host-target.ts";
import { packBundle } from "./build-package.ts";

/** Files whose change can bring other packages in or take some out. */
const PACKAGE_FILES =
  /^(package(-lock)?\.json|npm-shrinkwrap\.json|pnpm-lock\.yaml|yarn\.lock|\.purlinignore)$/;
const MODEL_FILE = "model.mjs";
/** A swap leaves the code before it in memory; after so much of it a new process gives the memory back. */
const MAX_SWAPPED_BYTES = 64 * 1024 * 1024;

export interface NextGeneration {
  generation: Generation;
  /** How it can take over from the one that is live. */
  kind: "methods" | "process";
  /** Why that way, for people. */
  reason: string;
  phases_ms: { bundle: number; stage: number };
}

/**
 * Builds a project again and again, each time only what changed. `next` compares with the generation that is
 * live, not with the last one that was made: one that could not be loaded has changed nothing.
 */
export class LiveBuilder {
  readonly #dir: string;
  readonly #tree: ServingTree;
  readonly #report: Reporter;
  readonly #target: Target;
  #project: Project;
  #bundler: ModelBundler;
  #made: Made | null = null;
  #live: Made | null = null;
  #swappedBytes = 0;

  private constructor(init: {
    project: Project;
    bundler: ModelBundler;
    target: Target;
    tree: ServingTree;
    report: Reporter;
  }) {
    this.#dir = init.project.dir;
    this.#project = init.project;
    this.#bundler = init.bundler;
    this.#target = init.target;
    this.#tree = init.tree;
    this.#report = init.report;
  }

  static async create(dir: string, tree: ServingTree, report: Reporter): Promise<LiveBuilder> {
    const project = await loadProject(dir);
    // What is served runs here, whatever machine a build is for.
    const target = readTarget(null);
    const bundler = await createModelBundler({ project, target });
    return new LiveBuilder({ project, bundler, target, tree, report });
  }

  /** The first generation, from the whole project. */
  async first(): Promise<Generation> {
    const bundle = await this.#bundler.build();
    this.#made = await this.#pack(bundle, this.#report);
    this.#live = this.#made;
    return this.#made.generation;
  }

  /** Does now, while nothing is to be done, what the first save would wait for. */
  prepare(): void {
    if (this.#live !== null)
      prepareComparison(modelText(this.#live.bundle), this.#project.config.model_class_name);
  }

  /** What these changes make of the project; null when the live generation is the same. */
  async next(changed: readonly string[]): Promise<NextGeneration | null> {
    const began = performance.now();
    const live = this.#live as Made;
    if (changed.includes("config.yaml") || this.#project.configText !== live.configText)
      await this.#readConfig();
    const bundle = await this.#bundler.build();
    const bundled = performance.now();
    const reason = this.#reasonToPack(changed, bundle, live);
    if (reason === null && sameCode(bundle, live.bundle)) return null;
    const next =
      reason === null
        ? this.#stageCode(bundle, live)
        : { made: await this.#pack(bundle, silentReporter), kind: "process" as const, reason };
    this.#made = next.made;
    if (next.made.generation.digest === live.generation.digest) return null;
    return {
      generation: next.made.generation,
      kind: next.kind,
      reason: next.reason,
      phases_ms: { bundle: bundled - began, stage: performance.now() - bundled },
    };
  }

  /** The generation that was made last answers requests now. */
  wentLive(): void {
    this.#live = this.#made;
  }

  get liveDigest(): string {
    return this.#live?.generation.digest ?? "";
  }

  async dispose(): Promise<void> {
    await this.#bundler.dispose();
  }

  async #readConfig(): Promise<void> {
    const project = await loadProject(this.#dir);
    if (project.configText === this.#project.configText) return;
    await this.#bundler.dispose();
    this.#project = project;
    this.#bundler = await createModelBundler({ project, target: this.#target });
  }

  /** Anything but code needs the whole package made anew; unchanged files are only linked. */
  #reasonToPack(changed: readonly string[], bundle: ModelBundle, live: Made): string | null {
    if (this.#project.configText !== live.configText) return "config.yaml changed";
    if (externalsKey(bundle) !== externalsKey(live.bundle)) return "the packages outside the bundle changed";
    const data = `${this.#project.config.data_dir}/`;
    const all = [...changed, ...live.unpacked];
    const inData = all.find((path) => path.startsWith(data));
    if (inData !== undefined) return `${inData} changed`;
    const packages = all.find((path) => PACKAGE_FILES.test(path));
    return packages === undefined ? null : `${packages} changed`;
  }

  #stageCode(bundle: ModelBundle, live: Made): { made: Made; kind: "methods" | "process"; reason: string } {
    const change = this.#bounded(
      classify(live.bundle, bundle, this.#project.config.model_class_name),
      bundle,
    );
    const manifest = withCode(live.manifest, bundle);
    const generation = this.#tree.addCode(live.generation, bundle.files, manifest);
    return { made: { ...live, generation, manifest, bundle }, ...change };
  }

  #bounded(change: ChangeKind, bundle: ModelBundle): ChangeKind {
    this.#swappedBytes += modelText(bundle).length;
    if (change.kind === "process") this.#swappedBytes = 0;
    if (this.#swappedBytes < MAX_SWAPPED_BYTES) return change;
    this.#swappedBytes = 0;
    return { kind: "process", reason: "the code of earlier saves is given back" };
  }

  async #pack(bundle: ModelBundle, report: Reporter): Promise<Made> {
    const place = join(this.#dir, ".purlin", "package");
    const made = { project: this.#project, target: this.#target, bundle, startedAt: Date.now() };
    const result = await packBundle(made, { dir: this.#dir, report }, place);
    const manifest = readManifestFile(result.path) as PackageManifest;
    const generation = this.#tree.add(result.path);
    return { generation, manifest, bundle, configText: this.#project.configText, unpacked: [] };
  }
}

interface Made {
  generation: Generation;
  manifest: PackageManifest;
  bundle: ModelBundle;
  configText: string;
  /** Changes that a generation which never went live had packed. */
  unpacked: string[];
}

function classify(before: ModelBundle, after: ModelBundle, className: string): ChangeKind {
  const other = changedFiles(before, after).find((path) => !path.startsWith(MODEL_FILE));
  if (other !== undefined) return { kind: "process", reason: `code/${other} changed` };
  return classifyCodeChange(modelText(before), modelText(after), className);
}

function changedFiles(before: ModelBundle, after: ModelBundle): string[] {
  const old = new Map(before.files.map(({ path, contents }) => [path, contents]));
  const changed = after.files.filter(({ path, contents }) => !sameBytes(old.get(path), contents));
  const names = new Set(after.files.map(({ path }) => path));
  return [...changed.map(({ path }) => path), ...[...old.keys()].filter((path) => !names.has(path))];
}

function sameCode(a: ModelBundle, b: ModelBundle): boolean {
  return changedFiles(a, b).length === 0;
}

function sameBytes(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && Buffer.compare(a, b) === 0;
}

function modelText(bundle: ModelBundle): string {
  const file = bundle.files.find(({ path }) => path === MODEL_FILE);
  return Buffer.from(file?.contents ?? []).toString("utf8");
}

function externalsKey(bundle: ModelBundle): string {
  return bundle.externals
    .map(({ name, version, dir }) => `${name}@${version} ${dir}`)
    .sort()
    .join("\n");
}

function withCode(manifest: PackageManifest, bundle: ModelBundle): PackageManifest {
  const code = bundle.files.map(({ path, contents }): FileEntry => [
    "code",
    `code/${path}`,
    sha256(contents),
    contents.byteLength,
    "644",
  ]);
  const rest = manifest.files.filter(([layer]) => layer !== "code");
  return manifestOf([...rest, ...code], {
    modelName: manifest.model_name,
    target: manifest.target,
    runtimeVersion: manifest.runtime_version,
    className: manifest.entry.class_name,
    source: manifest.entry.source,
  });
}
