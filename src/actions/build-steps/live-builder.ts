import { join, relative } from "node:path";
import { type ChangeKind, prepareComparison } from "../../bundle/classify-change.ts";
import type { CodeFile, ModelBundle, ModelBundler } from "../../bundle/model-bundle.ts";
import { type ReloadKind, type Reporter, silentReporter } from "../../events.ts";
import { readManifestFile } from "../../pack/earlier-package.ts";
import { loadProject } from "../../project/load-project.ts";
import type { Project } from "../../project/project.ts";
import type { PackageManifest } from "../../protocol/manifest.ts";
import type { Target } from "../../protocol/target.ts";
import { hostTargetName, readTarget } from "../../util/host-target.ts";
import { bundlerFor, packBundle } from "./build-package.ts";
import { changeOfCode, changeOfConfig, externalsKey, modelText, sameCode } from "./compare-builds.ts";
import { ProjectTypes } from "./project-types.ts";
import { SavedFiles } from "./saved-files.ts";
import { withCode } from "./with-code.ts";

/** Files whose change can bring other packages in or take some out. */
const PACKAGE_FILES =
  /^(package(-lock)?\.json|npm-shrinkwrap\.json|pnpm-lock\.yaml|yarn\.lock|\.purlinignore)$/;
const CONFIG_FILE = "config.yaml";
/** A swap leaves the code before it in memory; after so much of it a new process gives the memory back. */
const MAX_SWAPPED_BYTES = 64 * 1024 * 1024;

/** A package as a build has made it. */
export interface BuiltPackage {
  manifest: PackageManifest;
  /** The code layer; these files may be nowhere else. */
  code: readonly CodeFile[];
  /** Folder of the package; where not `whole`, its code is an earlier one. */
  dir: string;
  whole: boolean;
}

export interface NextBuild {
  built: BuiltPackage;
  /** The cheapest correct way for it to take over from what is live. */
  kind: ReloadKind;
  /** Why that way, for people. */
  reason: string;
  /** Loaded anew even where it is live already. */
  anew?: boolean;
  phases_ms: { bundle: number; pack: number };
}

export interface LiveBuilderOptions {
  /** Absolute. */
  dir: string;
  /** What packages are for; this machine's without it. */
  target?: string | undefined;
  report: Reporter;
  signal?: AbortSignal | undefined;
}

/**
 * Builds a project again and again, each time only what changed. `next` compares with the package that is live, not
 * with the last one that was made: one that could not be loaded has changed nothing.
 */
export class LiveBuilder {
  readonly #options: LiveBuilderOptions;
  readonly #target: Target;
  #project: Project;
  #bundler: ModelBundler;
  readonly #types: ProjectTypes;
  #made: Made | null = null;
  #live: Made | null = null;
  /** Files that have changed since. */
  readonly #changed = new Set<string>();
  readonly #saved = new SavedFiles();
  #swappedBytes = 0;

  private constructor(options: LiveBuilderOptions, project: Project, bundler: ModelBundler) {
    this.#options = options;
    this.#target = readTarget(options.target ?? null);
    this.#project = project;
    this.#bundler = bundler;
    this.#types = new ProjectTypes(project);
  }

  static async create(options: LiveBuilderOptions): Promise<LiveBuilder> {
    const project = await loadProject(options.dir);
    return new LiveBuilder(
      options,
      project,
      await bundlerFor(project, readTarget(options.target ?? null), options),
    );
  }

  /** The first package, from the whole project. */
  async first(): Promise<BuiltPackage> {
    this.#types.begin();
    const bundle = await this.#types.addTo(await this.#bundler.build());
    this.#made = await this.#pack(bundle, this.#options.report);
    return this.#made.built;
  }

  /** Does now, while nothing is to be done, what the first save would wait for. */
  prepare(): void {
    if (this.#live === null) return;
    prepareComparison(modelText(this.#live.bundle), this.#project.config.model_class_name);
    this.#types.warmUp();
  }

  /** What these changes, and earlier ones that are not live, make of the project; null where that is live. */
  async next(changed: readonly string[]): Promise<NextBuild | null> {
    const began = performance.now();
    this.#saved.buildBegins();
    for (const path of changed) this.#changed.add(path);
    await this.#renew();
    const bundle = await this.#types.next(this.#project, [...this.#changed], this.#bundler.build());
    const bundled = performance.now();
    const next = await this.#make(bundle);
    if (next === null || next.made.built.manifest.package === this.liveDigest) {
      this.#made = this.#live;
      this.#changed.clear();
      return null;
    }
    this.#made = next.made;
    return {
      built: next.made.built,
      kind: next.kind,
      reason: next.reason,
      phases_ms: { bundle: bundled - began, pack: performance.now() - bundled },
    };
  }

  /** The package that was made last answers requests now. */
  wentLive(): void {
    this.#live = this.#made;
    this.#changed.clear();
  }

  /** Whatever is live, it is not what was made here: the next change is to bring all of it. */
  forgetLive(): void {
    this.#live = null;
  }

  get liveDigest(): string {
    return this.#live?.built.manifest.package ?? "";
  }

  /** Is that path from the project part of what is built? */
  isInput(path: string): boolean {
    if (path === CONFIG_FILE || PACKAGE_FILES.test(path)) return true;
    if (path.startsWith(`${this.#project.config.data_dir}/`)) return true;
    return this.#made?.bundle.inputs.includes(join(this.#options.dir, path)) === true;
  }

  /** Is there more to that change than what the build before the last one has read already? */
  isNewSave(path: string): boolean {
    return this.isInput(path) && this.#saved.isNew(join(this.#options.dir, path));
  }

  /**
   * The changes of the last build, for people. Many editors write another file and put it in the place of the one
   * they save; where that other one was all that had been seen, this finds the ones that were saved.
   */
  namesOf(changed: string[]): string[] {
    if (changed.some((path) => this.isInput(path))) return changed;
    const saved = this.#saved.newOnes(this.#made?.bundle.inputs ?? []);
    return saved.length === 0 ? changed : saved.map((file) => relative(this.#options.dir, file));
  }

  get modelName(): string {
    return this.#project.config.model_name;
  }

  /** Called with the files of a change that is live and, as it turned out later, has changed types as well. */
  set onLateTypes(listener: (changed: readonly string[]) => void) {
    this.#types.onLate = listener;
  }

  async dispose(): Promise<void> {
    await Promise.all([this.#bundler.dispose(), this.#types.dispose()]);
  }

  /** The config, and for another machine its packages, as they are now. */
  async #renew(): Promise<void> {
    const { dir } = this.#options;
    const configChanged = this.#changed.has(CONFIG_FILE);
    const packagesChanged = [...this.#changed].some((path) => PACKAGE_FILES.test(path));
    if (!configChanged && !(packagesChanged && isForeign(this.#target))) return;
    const project = await loadProject(dir);
    if (project.configText === this.#project.configText && !packagesChanged) return;
    const bundler = await bundlerFor(project, this.#target, this.#options);
    await this.#bundler.dispose();
    this.#project = project;
    this.#bundler = bundler;
  }

  async #make(bundle: ModelBundle): Promise<{ made: Made; kind: ReloadKind; reason: string } | null> {
    const live = this.#live;
    if (live === null) {
      const made = await this.#pack(bundle, silentReporter);
      return { made, kind: "process", reason: "nothing of it is live yet" };
    }
    const whole = this.#reasonToPack(bundle, live);
    if (whole === null) return sameCode(bundle, live.bundle) ? null : this.#replaceCode(bundle, live);
    return { made: await this.#pack(bundle, silentReporter), ...whole };
  }

  /** Anything but code needs the whole package made anew; unchanged files are only linked. */
  #reasonToPack(bundle: ModelBundle, live: Made): { kind: ReloadKind; reason: string } | null {
    if (externalsKey(bundle) !== externalsKey(live.bundle))
      return { kind: "generation", reason: "the packages outside the bundle changed" };
    const packages = [...this.#changed].find((path) => PACKAGE_FILES.test(path));
    if (packages !== undefined) return { kind: "generation", reason: `${packages} changed` };
    const config = changeOfConfig(live.project, this.#project);
    if (config?.kind === "generation") return config;
    const data = [...this.#changed].find((path) => path.startsWith(`${this.#project.config.data_dir}/`));
    if (data !== undefined) return { kind: "process", reason: `${data} changed` };
    if (config === null || sameCode(bundle, live.bundle)) return config;
    const { kind, reason } = this.#classify(bundle, live);
    return { kind, reason: `${config.reason}, and ${reason}` };
  }

  #replaceCode(bundle: ModelBundle, live: Made): { made: Made; kind: ReloadKind; reason: string } {
    const { dir } = live.built;
    const built = { manifest: withCode(live.built.manifest, bundle), code: bundle.files, dir, whole: false };
    return { made: { built, bundle, project: this.#project }, ...this.#classify(bundle, live) };
  }

  #classify(bundle: ModelBundle, live: Made): ChangeKind {
    const change = changeOfCode(live.bundle, bundle, this.#project.config.model_class_name);
    this.#swappedBytes += modelText(bundle).length;
    if (change.kind === "process") this.#swappedBytes = 0;
    if (this.#swappedBytes < MAX_SWAPPED_BYTES) return change;
    this.#swappedBytes = 0;
    return { kind: "process", reason: "the code of earlier saves is given back" };
  }

  async #pack(bundle: ModelBundle, report: Reporter): Promise<Made> {
    const { dir, signal } = this.#options;
    const place = join(dir, ".purlin", "package");
    const made = { project: this.#project, target: this.#target, bundle, startedAt: Date.now() };
    const result = await packBundle(made, { dir, report, signal }, place);
    const manifest = readManifestFile(result.path) as PackageManifest;
    const built = { manifest, code: bundle.files, dir: result.path, whole: true };
    return { built, bundle, project: this.#project };
  }
}

interface Made {
  built: BuiltPackage;
  bundle: ModelBundle;
  project: Project;
}

const isForeign = (target: Target): boolean => target.name !== hostTargetName();
