import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { CodeFile, ModelBundle } from "../../bundle/model-bundle.ts";
import { AppError, type Problem } from "../../errors.ts";
import type { Project } from "../../project/project.ts";
import { PACKAGE_PATHS } from "../../protocol/manifest.ts";
import { isTelling } from "../../types/telling.ts";
import { TypesReader } from "../../types/types-reader.ts";
import type { ReadTypes, TypesSource } from "../../types/types-service.ts";
import { findReadTypes, rememberReadTypes } from "./types-cache.ts";

const CODE = /\.[cm]?[jt]sx?$/;
/** Besides code: what an import or a name means. */
const DECIDES = /(^|\/)(package(-lock)?\.json|tsconfig[\w.-]*\.json)$/;
/** Without a save for so long, types that are inferred are read again. */
const QUIET_MS = 250;
const NOTHING: ReadTypes = { methods: {}, types: null, untold: [], checks: null, files: {}, complete: true };

/**
 * What the TypeScript types of a project's model say, as files of its package. TypeScript is loaded only where a
 * method has a telling type and nothing is known from an earlier build, and never for an edit that can change no type.
 */
export class ProjectTypes {
  readonly #reader = new TypesReader();
  #project: Project;
  #begun: Promise<ReadTypes> | null = null;
  #last: ReadTypes | null = null;
  /** The reader has the files that `#last` was read from. */
  #warm: Promise<unknown> | null = null;
  #problem: Problem | null = null;
  /** Files whose edit may have changed types that are inferred, and when they are read. */
  readonly #unread = new Set<string>();
  #later: NodeJS.Timeout | undefined;
  /** Called with the files of an edit that turned out to change types after all. */
  onLate: ((changed: readonly string[]) => void) | null = null;

  constructor(project: Project) {
    this.#project = project;
  }

  /** Reads while the bundle is being made, where model.ts alone shows that there is something to read. */
  begin(): void {
    const source = this.#source();
    if (!source.checks && !tells(source.modelFile)) return;
    this.#begun = this.#readOnce(source);
    this.#begun.catch(() => undefined);
  }

  /** The bundle with the files of the types as they were when it was made. */
  async addTo(bundle: ModelBundle): Promise<ModelBundle> {
    const begun = this.#begun;
    this.#begun = null;
    if (begun !== null) return this.#added(bundle, await begun);
    const own = bundle.inputs.filter((path) => CODE.test(path) && !path.includes("/node_modules/"));
    if (own.some(tells)) return this.#added(bundle, await this.#readOnce(this.#source()));
    this.#last = NOTHING;
    return this.#added(bundle, NOTHING);
  }

  /** Without a bundle: TypeScript is loaded where it has to be. */
  async read(): Promise<ReadTypes> {
    const read = await this.#readOnce(this.#source());
    if (this.#problem !== null) throw new AppError("BUILD_FAILED", this.#problem.message);
    return read;
  }

  /** Does now what the first edit would wait for. */
  warmUp(): void {
    if (this.#last === null || this.#last.types === null) return;
    // What was remembered may be older than a file that was saved meanwhile.
    this.#warm ??= this.#reader.read(this.#source()).then((read) => (this.#last = read));
    this.#warm.catch(() => undefined);
  }

  /** What these changes, as paths in the project, make of the bundle. */
  async next(
    project: Project,
    changed: readonly string[],
    bundling: Promise<ModelBundle>,
  ): Promise<ModelBundle> {
    const before = this.#source();
    this.#project = project;
    const isOther = JSON.stringify(this.#source()) !== JSON.stringify(before);
    const reading = this.#next(changed, isOther);
    reading.catch(() => undefined);
    const made = await bundling;
    const read = await reading;
    if (this.#unread.size > 0) this.#readLater();
    return this.#added(made, read);
  }

  async dispose(): Promise<void> {
    this.onLate = null;
    this.#postponeReading();
    await this.#reader.dispose();
  }

  async #next(changed: readonly string[], isOther: boolean): Promise<ReadTypes> {
    this.#postponeReading();
    const last = this.#last ?? NOTHING;
    const source = this.#source();
    const code = changed.filter((path) => CODE.test(path)).map((path) => join(this.#project.dir, path));
    const isDecided = isOther || changed.some((path) => DECIDES.test(path));
    if (!isDecided && code.length === 0) return last;
    if (this.#last === NOTHING || this.#last === null) {
      return source.checks || code.some(tells) || (isDecided && tells(source.modelFile))
        ? this.#read(source)
        : last;
    }
    if (isDecided) return this.#read(source);
    this.warmUp();
    await this.#warm?.catch(() => undefined);
    const change = await this.#reader.compare(code.map((path) => [path, textOf(path)]));
    if (change === "any") return this.#read(source);
    if (change === "inferred") for (const path of changed) this.#unread.add(path);
    return this.#last;
  }

  /** The edit goes live meanwhile. Not at once: the next edit would have to wait for it. */
  #readLater(): void {
    this.#postponeReading();
    this.#later = setTimeout(() => void this.#readNow(this.#source()), QUIET_MS);
  }

  #postponeReading(): void {
    clearTimeout(this.#later);
  }

  async #readNow(source: TypesSource): Promise<void> {
    const before = this.#last;
    const changed = [...this.#unread];
    const read = await this.#read(source).catch(() => null);
    if (read === null || this.#last !== read || this.onLate === null) return;
    if (JSON.stringify(read.types) !== JSON.stringify(before?.types)) this.onLate(changed);
  }

  async #readOnce(source: TypesSource): Promise<ReadTypes> {
    const known = findReadTypes(source);
    const read = known ?? (await this.#read(source));
    if (known === null) rememberReadTypes(source, read);
    this.#last = read;
    return read;
  }

  /** Code that TypeScript itself stumbles over is bundled all the same. */
  async #read(source: TypesSource): Promise<ReadTypes> {
    this.#problem = null;
    this.#unread.clear();
    try {
      const reading = this.#reader.read(source);
      this.#warm = reading;
      this.#last = await reading;
    } catch (error) {
      this.#warm = null;
      const message = `The types of the model's methods could not be read: ${(error as Error).message}`;
      if (source.checks) throw new AppError("BUILD_FAILED", message, { cause: error });
      this.#problem = {
        message,
        hint: "The package has no schema. Please report this with the model's code.",
      };
      this.#last = { ...NOTHING, complete: false };
    }
    return this.#last;
  }

  #added(bundle: ModelBundle, read: ReadTypes): ModelBundle {
    this.#refuseUntold(read);
    const files = [...bundle.files, ...typeFiles(read)].sort((a, b) => (a.path < b.path ? -1 : 1));
    const inputs = [...new Set([...bundle.inputs, ...Object.keys(read.files)])];
    const warnings = this.#problem === null ? bundle.warnings : [...bundle.warnings, this.#problem];
    return { ...bundle, files, inputs, warnings };
  }

  /** Who asks for inputs to be checked is told where nothing could be. */
  #refuseUntold({ untold }: ReadTypes): void {
    if (!this.#project.config.runtime.validate_types || untold.length === 0) return;
    const file = relative(this.#project.dir, this.#project.modelFile).replaceAll("\\", "/");
    const problems = untold.map(({ method, type, line, column }) => ({
      message: `${method}'s input is ${type}: its type tells nothing to check.`,
      location: { file, line, column },
    }));
    const [first] = problems;
    throw new AppError("MODEL_INVALID", `runtime.validate_types cannot hold: ${first?.message}`, {
      ...(first === undefined ? {} : { location: first.location }),
      problems: problems.slice(1),
      hint: "Give the parameter a type, for example { text: string }, or the class a `static input` schema; or take validate_types out of config.yaml.",
    });
  }

  #source(): TypesSource {
    const { dir, modelFile, config } = this.#project;
    return {
      projectDir: dir,
      modelFile,
      className: config.model_class_name,
      checks: config.runtime.validate_types,
    };
  }
}

function typeFiles({ types, checks }: ReadTypes): CodeFile[] {
  const file = (path: string, text: string): CodeFile => ({
    path: path.replace(/^code\//, ""),
    contents: Buffer.from(text),
  });
  return [
    ...(types === null ? [] : [file(PACKAGE_PATHS.types, `${JSON.stringify(types, null, 1)}\n`)]),
    ...(checks === null
      ? []
      : [file(PACKAGE_PATHS.check, checks.check), file(PACKAGE_PATHS.explain, checks.explain)]),
  ];
}

function tells(path: string): boolean {
  return isTelling(textOf(path) ?? "");
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
