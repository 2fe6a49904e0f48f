import { existsSync, readFileSync, statSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import type { Message, ResolveResult } from "esbuild";
import { AppError } from "../errors.ts";
import type { Project } from "../project/project.ts";
import type { Target } from "../protocol/target.ts";
import { buildError, toProblem } from "./build-messages.ts";
import { checkDefinition } from "./check-definition.ts";
import { codeFiles } from "./code-files.ts";
import { createEntryBundler, type EntryBundler, type EntryResult } from "./entry-bundler.ts";
import { includedFiles, readIncluded } from "./included-files.ts";
import { type InstalledPackage, isInstalled, packageOfFile } from "./installed-package.ts";
import type { ModelBundle, ModelBundler } from "./model-bundle.ts";
import { needsDiskBySource } from "./needs-disk.ts";
import { createOutsidePackages } from "./outside-packages.ts";
import { findTsconfigs } from "./find-tsconfigs.ts";

export interface ModelBundlerOptions {
  project: Project;
  target: Target;
  /** Folder whose node_modules holds the packages for `target`; the project's own by default. */
  packagesDir?: string | null;
}

/** Name of the model's own bundle, below code/. */
const MODEL = "model";
/** Each round adds a package to those outside; far more rounds than any real project has taken. */
const MAX_ROUNDS = 100;
/** Modules that a plugin of ours makes up. */
const NAMESPACED = /^purlin[a-z-]*:/;

export async function createModelBundler(options: ModelBundlerOptions): Promise<ModelBundler> {
  const { project, packagesDir = null } = options;
  const { config } = project;
  const outside = createOutsidePackages(project.dir);
  const resolved = new Map<string, ResolveResult>();
  const scanned = new Set<string>();
  const entries = new Map<string, EntryBundler>();
  let installed = "";
  let checked = "";

  return {
    build,
    async dispose() {
      await Promise.all([...entries.values()].map((entry) => entry.dispose()));
      entries.clear();
    },
  };

  async function build(): Promise<ModelBundle> {
    if (!existsSync(project.modelFile)) throw modelNotFound(project);
    forgetWhenInstalled();
    const included = includedFiles(project, packagesDir);
    const results = await bundleAll(included.packages);
    const inputs = inputsOf(results, project);
    await check(results[0]);
    return {
      files: codeFiles(results, project.dir, readIncluded(included)),
      inputs: [
        ...inputs,
        ...findTsconfigs(inputs, project.dir),
        ...included.files.map(({ file }) => file),
        ...included.folders,
      ],
      externals: outside.list(),
      warnings: results.flatMap(({ warnings }) => warnings.filter(isTheUsers).map(toProblem)),
    };
  }

  /** The model and its workers, again and again until no package more must stay outside. */
  async function bundleAll(included: readonly InstalledPackage[]): Promise<EntryResult[]> {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      outside.beginRound();
      for (const pkg of included) {
        outside.add(pkg, "build.include");
        outside.location(pkg);
      }
      const results = [await bundleEntry(project.modelFile, MODEL)];
      const queue = [...(results[0]?.found.workers ?? [])];
      const seen = new Set<string>();
      for (let next = queue.shift(); next; next = queue.shift()) {
        const [file, path] = next;
        if (seen.has(file)) continue;
        seen.add(file);
        const result = await bundleEntry(file, path.replace(/\.mjs$/, ""));
        results.push(result);
        queue.push(...result.found.workers);
      }
      const errors = results.flatMap((result) => result.errors);
      // What was met on the way is outside already; what only its source or an error shows needs another round.
      const before = outside.size;
      for (const error of errors) moveOutside(error);
      for (const result of results) scan(result);
      if (outside.size > before || !outside.isSettled()) continue;
      if (errors.length > 0) throw buildError(errors, project.dir);
      return results;
    }
    throw new Error("the set of packages outside the bundle does not settle");
  }

  async function bundleEntry(file: string, name: string): Promise<EntryResult> {
    let entry = entries.get(file);
    if (!entry) {
      entry = await createEntryBundler({
        projectDir: project.dir,
        file,
        name,
        define: config.build.define,
        packages: {
          projectDir: project.dir,
          outside,
          external: config.build.external,
          bundle: config.build.bundle,
          packagesDir,
          resolved,
        },
      });
      entries.set(file, entry);
    }
    return entry.build();
  }

  /** A package whose code cannot be bundled works as well from its own folder. */
  function moveOutside(error: Message): void {
    if (!error.location) return;
    const file = resolve(project.dir, error.location.file);
    const pkg = packageOfFile(file);
    if (pkg === null || config.build.bundle.includes(pkg.name)) return;
    const reason = needsDiskBySource(readFileSync(file, "utf8"));
    outside.add(pkg, reason ?? `cannot be bundled: ${error.text.slice(0, 100)}`);
  }

  function scan({ metafile }: EntryResult): void {
    for (const output of Object.values(metafile.outputs)) {
      for (const [input, { bytesInOutput }] of Object.entries(output.inputs)) {
        if (bytesInOutput === 0 || scanned.has(input)) continue;
        if (NAMESPACED.test(input) || !isInstalled(`/${input}`)) continue;
        scanned.add(input);
        if (!/\.[cm]?[jt]sx?$/.test(input)) continue;
        const file = resolve(project.dir, input);
        const reason = needsDiskBySource(readFileSync(file, "utf8"));
        const pkg = reason === null ? null : packageOfFile(file);
        if (reason === null || pkg === null || config.build.bundle.includes(pkg.name)) continue;
        outside.add(pkg, reason);
      }
    }
  }

  /** Once for each text of the file: an edit elsewhere does not change what the class looks like. */
  async function check(result: EntryResult | undefined): Promise<void> {
    const [output] = Object.values(result?.metafile.outputs ?? {}).filter(({ entryPoint }) => entryPoint);
    const exported = output?.exports ?? [];
    const state = `${exported.join()}\n${readFileSync(project.modelFile, "utf8")}`;
    if (state === checked) return;
    await checkDefinition({
      projectDir: project.dir,
      file: project.modelFile,
      source: relative(project.dir, project.modelFile).split(sep).join("/"),
      className: config.model_class_name,
      batching: config.runtime.batching !== null,
      exported,
    });
    checked = state;
  }

  function forgetWhenInstalled(): void {
    const files = ["package.json", "node_modules", "node_modules/.package-lock.json"];
    const state = files
      .map((name) => statSync(join(packagesDir ?? project.dir, name), { throwIfNoEntry: false })?.mtimeMs)
      .join();
    if (state === installed) return;
    installed = state;
    resolved.clear();
    scanned.clear();
  }
}

function inputsOf(results: readonly EntryResult[], project: Project): string[] {
  const inputs = new Set<string>();
  for (const { metafile, found } of results) {
    for (const input of Object.keys(metafile.inputs)) {
      if (!NAMESPACED.test(input)) inputs.add(resolve(project.dir, input));
    }
    for (const file of found.assets.keys()) inputs.add(file);
  }
  return [...inputs].sort();
}

/** What esbuild says about packages is for their authors. */
function isTheUsers({ location }: Message): boolean {
  return location !== null && !isInstalled(`/${location.file}`);
}

function modelNotFound(project: Project): AppError {
  const wanted = relative(project.dir, project.modelFile);
  return new AppError("MODEL_NOT_FOUND", `There is no ${wanted}.`, {
    location: { file: "config.yaml" },
    hint: "Create it, or name another file with model_module_dir and model_class_filename in config.yaml.",
  });
}
