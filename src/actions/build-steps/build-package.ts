import { relative } from "node:path";
import { createModelBundler } from "../../bundle/create-model-bundler.ts";
import type { ModelBundle, ModelBundler } from "../../bundle/model-bundle.ts";
import { CancelledError, UsageError } from "../../errors.ts";
import { addonsFile } from "../../pack/bound-addons.ts";
import { type ClosureFiles, closureFiles } from "../../pack/closure-files.ts";
import { configFiles } from "../../pack/config-files.ts";
import { type DataFiles, dataFiles } from "../../pack/data-files.ts";
import { readManifestFile } from "../../pack/earlier-package.ts";
import { packPackage } from "../../pack/pack-package.ts";
import type { PackageFile } from "../../pack/package-file.ts";
import { runtimeFiles } from "../../pack/runtime-files.ts";
import { targetPackages } from "../../pack/target-packages.ts";
import { createIgnoreRules } from "../../project/ignore-rules.ts";
import { loadProject } from "../../project/load-project.ts";
import type { Project } from "../../project/project.ts";
import type { Config } from "../../protocol/config.ts";
import type { PackageManifest } from "../../protocol/manifest.ts";
import type { Target } from "../../protocol/target.ts";
import { hostTargetName, readTarget } from "../../util/host-target.ts";
import { installedVersion } from "../../util/install-dir.ts";
import { userCacheDir } from "../../util/user-cache-dir.ts";
import type { BuildOptions, BuildResult } from "../build.ts";
import { buildInputs } from "./build-inputs.ts";
import { refuseForeign } from "./refuse-foreign.ts";
import { biggestFiles, changeSince } from "./size-report.ts";
import { dataWarnings } from "./data-warnings.ts";
import { ProjectTypes } from "./project-types.ts";
import { checkExampleFiles } from "./example-files.ts";
import { cacheDirOf, rememberBuild } from "./unchanged.ts";

/** Reads, bundles and packs a project from the beginning. */
export async function buildPackage(options: BuildOptions, place: string): Promise<BuildResult> {
  const startedAt = Date.now();
  const { report, signal } = options;
  const project = await loadProject(options.dir);
  const target = readTarget(options.target ?? project.config.build.target);
  // Before anything is fetched for it.
  if (options.verify === true) refuseForeign(target.name);
  refuseOutputInData(place, project);
  stopIfAsked(signal);

  report.emit({ type: "step", message: `bundling ${relative(project.dir, project.modelFile)}` });
  const bundle = await bundleOnce(project, target, options);
  stopIfAsked(signal);
  report.emit({ type: "step", message: "packing" });
  return packBundle({ project, target, bundle, startedAt }, options, place);
}

/** Packs a project whose code has been bundled. */
export async function packBundle(
  made: { project: Project; target: Target; bundle: ModelBundle; startedAt: number },
  options: BuildOptions,
  place: string,
): Promise<BuildResult> {
  const { project, target, bundle, startedAt } = made;
  const { report, signal } = options;
  const parts = collectParts(project, target, bundle);
  const before = readManifestFile(place);
  const manifest = await packPackage({
    place,
    files: parts.files,
    modelName: project.config.model_name,
    target: target.name,
    runtimeVersion: installedVersion(),
    className: project.config.model_class_name,
    source: relative(project.dir, project.modelFile).replaceAll("\\", "/"),
    cacheDir: cacheDirOf(project.dir),
    report,
    signal,
  });

  const result = resultOf(manifest, { place, bundle, project, parts });
  rememberBuild(options, place, { result, inputs: buildInputs(project, bundle, parts), startedAt });
  return {
    ...result,
    changed_since_last: before ? changeSince(before, manifest) : null,
    ...(options.list === true ? { list: listOf(manifest, parts.files) } : {}),
  };
}

/** What goes into a package, and what was met on the way. */
export interface PackageParts {
  files: PackageFile[];
  data: DataFiles;
  closure: ClosureFiles;
  ignoreWarnings: BuildResult["warnings"];
}

function collectParts(project: Project, target: Target, bundle: ModelBundle): PackageParts {
  const { config } = project;
  const rules = createIgnoreRules(project.dir);
  const data = dataFiles({
    projectDir: project.dir,
    dataDir: project.dataDir,
    ignores: (path, isDirectory) => rules.ignores(path, isDirectory),
  });
  checkExampleFiles(project, data);
  const closure = closureFiles({
    packages: bundle.externals,
    target,
    include: config.build.include,
    exclude: config.build.exclude,
  });
  const code = bundle.files.map(({ path, contents }): PackageFile => ({
    layer: "code",
    path: `code/${path}`,
    source: contents,
    mode: "644",
    rule: ruleOf(path),
  }));
  const addons = addonsFile([...data.files, ...closure.files], {
    abi: Number(process.versions.modules),
    optional: closure.optional,
  });
  return {
    files: [
      ...code,
      ...configFiles(project.configText, packedConfig(project)),
      ...data.files,
      ...closure.files,
      ...addons,
      ...runtimeFiles(),
    ],
    data,
    closure,
    ignoreWarnings: rules.warnings,
  };
}

function ruleOf(path: string): string {
  if (path.startsWith("assets/")) return "named by the model's code";
  return path.startsWith("purlin-") ? "the types of the model's methods" : "the bundle of the model's code";
}

/** A name that was only taken from the folder's is kept out: the package must not depend on where it was made. */
function packedConfig({ config, configText }: Project): Config {
  const isWritten = /^\s*["']?model_name["']?\s*:/m.test(configText);
  return isWritten ? config : { ...config, model_name: "model" };
}

async function bundleOnce(project: Project, target: Target, options: BuildOptions): Promise<ModelBundle> {
  const types = new ProjectTypes(project);
  const bundler = await bundlerFor(project, target, options);
  try {
    types.begin();
    return await types.addTo(await bundler.build());
  } finally {
    await Promise.all([bundler.dispose(), types.dispose()]);
  }
}

/** A bundler that takes packages from where those for the target are: fetched, where it is not this machine. */
export async function bundlerFor(
  project: Project,
  target: Target,
  { report, signal }: Pick<BuildOptions, "report" | "signal">,
): Promise<ModelBundler> {
  const packagesDir =
    target.name === hostTargetName()
      ? null
      : await targetPackages({
          projectDir: project.dir,
          target,
          allowScripts: project.config.build.allow_scripts,
          cacheDir: userCacheDir(process.env),
          report,
          signal,
        });
  return createModelBundler({ project, target, packagesDir });
}

function resultOf(
  manifest: PackageManifest,
  made: { place: string; bundle: ModelBundle; project: Project; parts: PackageParts },
): BuildResult {
  const { place, bundle, project, parts } = made;
  return {
    package: manifest.package,
    path: place,
    target: manifest.target,
    files: manifest.files.length,
    bytes: manifest.files.reduce((sum, [, , , size]) => sum + size, 0),
    layers: manifest.layers,
    warnings: [
      ...project.warnings,
      ...parts.ignoreWarnings,
      ...bundle.warnings,
      ...parts.closure.warnings,
      ...dataWarnings(manifest, parts.data.dropped),
    ],
    externals: bundle.externals.map(({ name, version, reason }) => ({ name, version, reason })),
    biggest: biggestFiles(manifest),
    changed_since_last: null,
    cached: false,
    duration_ms: 0,
  };
}

function listOf(manifest: PackageManifest, files: readonly PackageFile[]): NonNullable<BuildResult["list"]> {
  const rules = new Map(files.map(({ path, rule }) => [path, rule]));
  return manifest.files.map(([, path, , size]) => ({ path, bytes: size, rule: rules.get(path) ?? "" }));
}

/** The next build would pack this one's package. */
function refuseOutputInData(place: string, { dataDir }: Project): void {
  if (dataDir === null || !`${place}/`.startsWith(`${dataDir}/`)) return;
  throw new UsageError(`${place} lies in the data folder, which is packed itself.`, "Name another folder.");
}

function stopIfAsked(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw signal.reason instanceof CancelledError ? signal.reason : new CancelledError();
}
