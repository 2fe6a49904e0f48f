import { compileChecks, type TypeChecks } from "./compile-checks.ts";
import { withTaggedObjects } from "./tagged-objects.ts";
import { declarationText, type DeclarationText } from "./declaration-text.ts";
import { type DescribedModel, describeModel } from "./describe-model.ts";
import { ModelProgram, type ReadFiles } from "./model-program.ts";
import { loadTypeScript, type TypeScript } from "./typescript.ts";

export interface TypesSource {
  /** Absolute. */
  projectDir: string;
  /** Absolute. */
  modelFile: string;
  className: string;
  /** Make the code that checks values, too. */
  checks: boolean;
}

export interface ReadTypes extends DescribedModel, ReadFiles {
  checks: TypeChecks | null;
}

/**
 * What the files that changed since the last `read` can have done to it: nothing; something, where a type is inferred
 * from a body that changed; or anything.
 */
export type TypesChange = "none" | "inferred" | "any";

/** Reads the types of one model, and again; lives in a thread of its own. */
export class TypesService {
  readonly #loaded = loadTypeScript();
  readonly #ts: TypeScript = this.#loaded.ts;
  #program: ModelProgram | null = null;
  #texts = new Map<string, DeclarationText>();
  #key = "";

  async read(source: TypesSource): Promise<ReadTypes> {
    const key = `${source.projectDir}\0${source.modelFile}`;
    if (this.#program === null || key !== this.#key) this.#program = new ModelProgram(this.#ts, source);
    this.#key = key;
    const program = this.#program.open();
    const described = describeModel(this.#ts, program, source);
    this.#texts.clear();
    for (const file of program.getSourceFiles()) {
      if (!file.isDeclarationFile) this.#texts.set(file.fileName, declarationText(this.#ts, file));
    }
    const checks =
      source.checks && described.types !== null
        ? await compileChecks(withTaggedObjects(described.types))
        : null;
    this.#loaded.remember();
    return { ...described, ...this.#program.filesRead(), checks };
  }

  /** Of absolute paths, with their texts; null where a file is gone. */
  compare(files: readonly [path: string, text: string | null][]): TypesChange {
    let change: TypesChange = "none";
    for (const [path, text] of files) {
      const before = this.#texts.get(path);
      // Not part of the program, or new to it: whether an import finds it now is for the next reading.
      if (before === undefined && this.#program !== null && !/\.[cm]?[jt]sx?$|json$/.test(path)) continue;
      if (before === undefined || text === null) return "any";
      const source = this.#ts.createSourceFile(path, text, this.#ts.ScriptTarget.ES2023, true);
      const now = declarationText(this.#ts, source);
      if (now.declared !== before.declared) return "any";
      if (now.inferred !== before.inferred) change = "inferred";
    }
    return change;
  }
}
