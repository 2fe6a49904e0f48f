import { readFile } from "node:fs/promises";
import { SourceMap, type SourceMapPayload, type SourceMapping } from "node:module";
import { extname } from "node:path";
import type { Class, Node, Program } from "acorn";
import type { Loader, TransformFailure } from "esbuild";
import { AppError, type SourceLocation } from "../errors.ts";
import { HOOKS, METHODS } from "../protocol/methods.ts";
import { buildError } from "./build-messages.ts";
import { findClass, type FoundClass, namedClasses } from "./find-class.ts";

const CONTRACT: readonly string[] = [...METHODS, ...HOOKS];

export interface DefinitionOptions {
  projectDir: string;
  /** Absolute path of model.ts. */
  file: string;
  /** The same as the user would type it: model/model.ts. */
  source: string;
  className: string;
  /** config.yaml has `runtime.batching`. */
  batching: boolean;
  /** Names that the finished bundle exports. */
  exported: readonly string[];
}

/**
 * Checks the rules of the model contract that can be seen in the source. What cannot be seen there, such as a
 * base class from elsewhere, is left to load time. Throws AppError MODEL_NOT_FOUND, MODEL_INVALID, or BUILD_FAILED
 * where the file is not the one any more that was bundled.
 */
export async function checkDefinition(options: DefinitionOptions): Promise<void> {
  const [{ transform }, { parse }] = await Promise.all([import("esbuild"), import("acorn")]);
  const text = await readFile(options.file, "utf8");
  const { code, map } = await transform(text, {
    loader: extname(options.file)
      .replace(/^\.[cm]?/, ".")
      .slice(1) as Loader,
    sourcefile: options.source,
    sourcemap: "external",
    target: "node20",
    logLevel: "silent",
  }).catch((error: unknown) => {
    // What was bundled was whole; the file has been saved again since then.
    throw buildError((error as TransformFailure).errors, options.projectDir);
  });
  const program = parse(code, { ecmaVersion: "latest", sourceType: "module", locations: true });
  const place = locator(map, text, options.source);
  const wanted = [options.className, "default"].find((name) => options.exported.includes(name));
  if (wanted === undefined) throw notExported(program, options, place);
  const found = findClass(program, wanted);
  if (found === "elsewhere") return;
  if (found.kind === "value") {
    throw new AppError(
      "MODEL_NOT_FOUND",
      `${options.source} exports ${options.className}, which is not a class.`,
      { location: place(found.node), hint: `Write it as: export class ${options.className} { ... }` },
    );
  }
  checkClass(found, options, place);
}

type Place = (node: Node) => SourceLocation;

function notExported(program: Program, options: DefinitionOptions, place: Place): AppError {
  const { className, source, exported } = options;
  const classes = namedClasses(program);
  const own = classes.find(({ name }) => name === className);
  if (own) {
    return new AppError("MODEL_NOT_FOUND", `${source}: the class ${className} is not exported.`, {
      location: place(own.node),
      hint: `Write: export class ${className}`,
    });
  }
  const shown = exported.filter((name) => !name.startsWith("__"));
  const names = shown.length === 0 ? "it exports nothing" : `it exports ${shown.join(", ")}`;
  const candidate = classes.find(({ name }) => shown.includes(name));
  return new AppError("MODEL_NOT_FOUND", `${source} has no exported class ${className} (${names}).`, {
    location: candidate ? place(candidate.node) : { file: source },
    hint: candidate
      ? `Rename ${candidate.name} to ${className}, or write model_class_name: ${candidate.name} in config.yaml.`
      : `Write: export class ${className} { predict(input) { ... } }`,
  });
}

function checkClass(found: FoundClass, options: DefinitionOptions, place: Place): void {
  const where = `${options.source}: class ${found.name ?? options.className}`;
  for (const [name, member] of found.members) {
    if (!CONTRACT.includes(name) || member.kind !== "value") continue;
    throw new AppError("MODEL_INVALID", `${where}: ${name} is not a function.`, {
      location: place(member.node),
      hint: `Write it as a method: ${name}(input) { ... }`,
    });
  }
  const has = (name: string): boolean => found.members.has(name);
  const clash = ["predict", "preprocess", "postprocess"].find((name) => has(name));
  if (has("websocket") && clash !== undefined) {
    throw new AppError("MODEL_INVALID", `${where} cannot have both websocket and ${clash}.`, {
      location: place(found.members.get(clash)?.node ?? found.node),
      hint: "A model answers either calls or a WebSocket; make it two models.",
    });
  }
  checkBatching(found, { where, batching: options.batching }, place);
  if (found.open || ["predict", "predictBatch", "websocket"].some(has)) return;
  const isStatic = found.statics.get("predict");
  throw new AppError("MODEL_INVALID", `${where} needs a predict or a websocket method.`, {
    location: place(isStatic ?? nameOf(found.node)),
    hint: isStatic
      ? "predict is static here; remove that word."
      : "Add: predict(input: unknown) { return input; }",
  });
}

/** A batch gives a whole result for each of its rows, so what streams cannot be in one. */
function checkBatching(
  found: FoundClass,
  { where, batching }: { where: string; batching: boolean },
  place: Place,
): void {
  const batch = found.members.get("predictBatch");
  if (batch?.generates) {
    throw new AppError("MODEL_INVALID", `${where}: predictBatch cannot stream.`, {
      location: place(batch.node),
      hint: "Return an array with a whole result for each input; postprocess may stream each of them.",
    });
  }
  if (!batching || batch || found.open) return;
  const predict = found.members.get("predict");
  throw new AppError(
    "MODEL_INVALID",
    `${where} has no predictBatch, and runtime.batching in config.yaml asks for batches.`,
    {
      location: place(predict?.node ?? nameOf(found.node)),
      hint: predict?.generates
        ? "predict streams, and streams cannot be batched: take runtime.batching out of config.yaml."
        : "Add: predictBatch(inputs: unknown[]) { return inputs.map(...) }, or take runtime.batching out.",
    },
  );
}

function nameOf(node: Class): Node {
  return node.id ?? node;
}

/** From nodes of the compiled code to places in the source. */
function locator(map: string, text: string, file: string): Place {
  const sourceMap = new SourceMap(JSON.parse(map) as SourceMapPayload);
  const lines = text.split("\n");
  return (node) => {
    const start = node.loc?.start;
    const entry = start ? sourceMap.findEntry(start.line - 1, start.column) : undefined;
    if (!isMapped(entry)) return { file };
    const lineText = (lines[entry.originalLine] ?? "").replace(/\r$/, "");
    const length = /^[\w$]+/.exec(lineText.slice(entry.originalColumn))?.[0].length ?? 1;
    return { file, line: entry.originalLine + 1, column: entry.originalColumn + 1, length, lineText };
  };
}

function isMapped(entry: unknown): entry is SourceMapping {
  return typeof (entry as Partial<SourceMapping> | undefined)?.originalLine === "number";
}
