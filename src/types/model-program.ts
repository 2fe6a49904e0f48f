import { createHash } from "node:crypto";
import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type ts from "typescript-api";
import { AMBIENT_FILE, ambientText } from "./ambient.ts";
import { LIB_DIR, LIB_FILE, type TypeScript } from "./typescript.ts";

/** What of the user's tsconfig.json decides what a name or a type means. */
const FROM_TSCONFIG = [
  "baseUrl",
  "paths",
  "rootDirs",
  "customConditions",
  "jsx",
  "jsxImportSource",
  "experimentalDecorators",
  "resolveJsonModule",
  "pathsBasePath",
] as const;

export interface ReadFiles {
  /** Digest by absolute path: every file that decided, tsconfig.json included. */
  files: Record<string, string>;
  /** Everything imported was found; what was not may be there tomorrow. */
  complete: boolean;
}

interface ParsedFile {
  text: string;
  source: ts.SourceFile;
}

/** The program that begins at the model's file, made again quickly when files have changed. */
export class ModelProgram {
  readonly #ts: TypeScript;
  readonly #modelFile: string;
  readonly #projectDir: string;
  readonly #parsed = new Map<string, ParsedFile>();
  #configs: string[] = [];
  #program: ts.Program | undefined;

  constructor(typescript: TypeScript, { projectDir, modelFile }: { projectDir: string; modelFile: string }) {
    this.#ts = typescript;
    this.#modelFile = modelFile;
    this.#projectDir = projectDir;
  }

  /** As the files are now. Faults in them are no faults here: a type that is broken says nothing. */
  open(): ts.Program {
    const options = this.#options();
    this.#program = this.#ts.createProgram({
      rootNames: [LIB_FILE, AMBIENT_FILE, this.#modelFile],
      options,
      host: this.#host(),
      ...(this.#program === undefined ? {} : { oldProgram: this.#program }),
    });
    return this.#program;
  }

  /** What the program of the last `open` was made from. */
  filesRead(): ReadFiles {
    const program = this.#program;
    const files: Record<string, string> = {};
    for (const source of program?.getSourceFiles() ?? []) {
      if (source.fileName === AMBIENT_FILE || source.fileName.startsWith(`${LIB_DIR}/`)) continue;
      files[source.fileName] = digestOf(this.#parsed.get(source.fileName)?.text ?? source.text);
    }
    for (const config of this.#configs) files[config] = digestOf(readText(config) ?? "");
    return { files, complete: this.#isComplete() };
  }

  #isComplete(): boolean {
    const program = this.#program as ts.Program;
    return program
      .getSourceFiles()
      .every((source) =>
        importsOf(source).every(
          (name) =>
            name === "purlin" ||
            name.startsWith("node:") ||
            this.#ts.resolveModuleName(name, source.fileName, program.getCompilerOptions(), this.#disk())
              .resolvedModule !== undefined,
        ),
      );
  }

  #options(): ts.CompilerOptions {
    const ts = this.#ts;
    const asked = this.#askedOptions();
    const kept = Object.fromEntries(
      FROM_TSCONFIG.flatMap((key) => (asked[key] === undefined ? [] : [[key, asked[key]]])),
    );
    return {
      ...kept,
      // Without it, `string | null` is `string`: the schema would not be what the author wrote.
      strict: true,
      target: ts.ScriptTarget.ES2023,
      noLib: true,
      module: ts.ModuleKind.Preserve,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      allowImportingTsExtensions: true,
      allowJs: true,
      types: [],
      skipLibCheck: true,
      noEmit: true,
    };
  }

  #askedOptions(): ts.CompilerOptions {
    const ts = this.#ts;
    const file = nearest(dirname(this.#modelFile), "tsconfig.json", this.#projectDir);
    this.#configs = [];
    if (file === null) return {};
    const read = (path: string): string | undefined => {
      const text = readText(path);
      if (text !== undefined && path.endsWith(".json") && !this.#configs.includes(path))
        this.#configs.push(path);
      return text;
    };
    const { config } = ts.readConfigFile(file, read) as { config?: Record<string, unknown> };
    const host = {
      ...this.#disk(),
      readFile: read,
      readDirectory: () => [],
      useCaseSensitiveFileNames: true,
    };
    const plain = { ...config, files: [], include: [] };
    return ts.parseJsonConfigFileContent(plain, host, dirname(file), undefined, file).options;
  }

  #disk(): ts.ModuleResolutionHost {
    return {
      fileExists: (path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true,
      directoryExists: (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true,
      readFile: readText,
      realpath: (path) => (existsSync(path) ? realpathSync(path) : path),
    };
  }

  #host(): ts.CompilerHost {
    return {
      ...this.#disk(),
      fileExists: (path) => path === AMBIENT_FILE || this.#disk().fileExists(path),
      getSourceFile: (path) => this.#parse(path),
      getDefaultLibFileName: () => LIB_FILE,
      getCurrentDirectory: () => this.#projectDir,
      getCanonicalFileName: (path) => path,
      useCaseSensitiveFileNames: () => true,
      getNewLine: () => "\n",
      writeFile: () => undefined,
    };
  }

  /** The same object for the same text: then TypeScript takes over what it knows of the file. */
  #parse(path: string): ts.SourceFile | undefined {
    const known = this.#parsed.get(path);
    const isFixed = path === AMBIENT_FILE || path.startsWith(`${LIB_DIR}/`);
    if (known !== undefined && isFixed) return known.source;
    const text = path === AMBIENT_FILE ? ambientText() : readText(path);
    if (text === undefined) return undefined;
    if (known?.text === text) return known.source;
    const source = this.#ts.createSourceFile(path, text, this.#ts.ScriptTarget.ES2023);
    this.#parsed.set(path, { text, source });
    return source;
  }
}

export function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** The modules that a file names, as TypeScript has found them while it bound the file. */
function importsOf(source: ts.SourceFile): string[] {
  const { imports } = source as ts.SourceFile & { imports?: readonly ts.StringLiteralLike[] };
  return source.isDeclarationFile ? [] : (imports ?? []).map(({ text }) => text);
}

function nearest(from: string, name: string, top: string): string | null {
  for (let dir = from; dir.startsWith(top); dir = dirname(dir)) {
    if (existsSync(join(dir, name))) return join(dir, name);
    if (dir === top) break;
  }
  return null;
}
