import type ts from "typescript-api";
import { CALLABLE_NAMES } from "../protocol/methods.ts";
import type { MethodTypes, ModelTypes } from "../protocol/model-types.ts";
import { answerOf } from "./answer-types.ts";
import { docKeywords } from "./doc-keywords.ts";
import { BINARY } from "./known-types.ts";
import { saysSomething, SchemaWriter } from "./schema-writer.ts";
import { isPlatformType, type TypeContext as Context } from "./type-facts.ts";
import type { TypeScript } from "./typescript.ts";

export interface ModelSource {
  /** Absolute path of model.ts. */
  modelFile: string;
  className: string;
}

export interface DescribedModel {
  /** Every method that can be called over HTTP. */
  methods: Record<string, MethodTypes>;
  /** null where no method has a type that says something. */
  types: ModelTypes | null;
  /** Methods whose input nothing tells: neither its type nor a schema of the class, nor is it bytes. */
  untold: UntoldMethod[];
}

export interface UntoldMethod {
  method: string;
  /** unknown, any, Map<string, number>: the type as it is. */
  type: string;
  /** Counted from 1. */
  line: number;
  column: number;
}

/** What the types of a model's methods say. */
export function describeModel(
  typescript: TypeScript,
  program: ts.Program,
  source: ModelSource,
): DescribedModel {
  const checker = program.getTypeChecker();
  const context: Context = { ts: typescript, checker };
  const found = findModelClass(context, program, source);
  const methods: Record<string, MethodTypes> = {};
  const described: DescribedModel = { methods, types: null, untold: [] };
  if (found === null) return described;
  for (const method of CALLABLE_NAMES) {
    const types = describeMethod(context, found, method);
    if (types === null) continue;
    if (types.untold !== null && !hasStaticInput(context, found, method)) described.untold.push(types.untold);
    methods[method] = types.types;
  }
  const isTold = Object.values(methods).some(
    ({ input, output, item, binary_input, binary_output }) =>
      input ?? output ?? item ?? binary_input ?? binary_output,
  );
  if (isTold) described.types = { methods };
  return described;
}

interface FoundClass {
  symbol: ts.Symbol;
  instance: ts.Type;
  file: ts.SourceFile;
}

function findModelClass(
  { ts, checker }: Context,
  program: ts.Program,
  { modelFile, className }: ModelSource,
): FoundClass | null {
  const file = program.getSourceFile(modelFile);
  const module = file && checker.getSymbolAtLocation(file);
  if (file === undefined || module === undefined) return null;
  const exports = checker.getExportsOfModule(module);
  const exported = [className, "default"]
    .map((name) => exports.find((symbol) => symbol.name === name))
    .find((symbol) => symbol !== undefined);
  if (exported === undefined) return null;
  const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
  if (symbol.flags & ts.SymbolFlags.Class)
    return { symbol, instance: checker.getDeclaredTypeOfSymbol(symbol), file };
  // `export const Model = class { ... }`
  const [construct] = checker.getTypeOfSymbol(symbol).getConstructSignatures();
  return construct === undefined ? null : { symbol, instance: construct.getReturnType(), file };
}

/** null where the model has no such method. */
function describeMethod(
  context: Context,
  found: FoundClass,
  method: string,
): { types: MethodTypes; untold: UntoldMethod | null } | null {
  const signature = (name: string): ts.Signature | undefined => signatureOf(context, found, name);
  const own = signature(method);
  const batch = method === "predict" && own === undefined ? signature("predictBatch") : undefined;
  const called = own ?? batch;
  if (called === undefined) return null;
  const isPredict = method === "predict";
  const first = (isPredict ? signature("preprocess") : undefined) ?? called;
  const last = (isPredict ? signature("postprocess") : undefined) ?? called;
  const input = inputOf(context, first, first === batch);
  const answer = answerOf(context, last, last === batch);
  const output = write(context, "output", answer.values);
  const item = answer.items.length === 0 ? null : write(context, "output", answer.items);
  const description = docKeywords(context.ts, symbolOf(context, found, method), context.checker)[
    "description"
  ];
  const types: MethodTypes = {
    ...(typeof description === "string" ? { description } : {}),
    input: input.schema,
    output,
    item,
    supports_streaming: answer.isStream,
    ...(input.isBinary ? { binary_input: true } : {}),
    ...(answer.isBinary ? { binary_output: true } : {}),
  };
  // A method that takes nothing has nothing to be checked.
  const isTold = input.schema !== null || input.isBinary || first.parameters.length === 0;
  return { types, untold: isTold ? null : untoldMethod(context, first, found) };
}

function inputOf(
  context: Context,
  signature: ts.Signature,
  isBatch: boolean,
): {
  schema: MethodTypes["input"];
  isBinary: boolean;
} {
  const { checker } = context;
  const parameter = signature.parameters[0];
  if (parameter === undefined) return { schema: null, isBinary: false };
  const given = checker.getTypeOfSymbol(parameter);
  const type = isBatch ? (checker.getIndexTypeOfType(given, context.ts.IndexKind.Number) ?? given) : given;
  if (isBinaryType(type)) return { schema: null, isBinary: true };
  const { description } = docKeywords(context.ts, parameter, checker);
  const writer = new SchemaWriter({ ...context, side: "input" });
  // An optional parameter may be left out by callers in the model; a request always has a body.
  const schema = writer.write([type], description === undefined ? {} : { description });
  return { schema, isBinary: false };
}

function write(context: Context, side: "output", types: readonly ts.Type[]): MethodTypes["output"] {
  if (types.length === 0) return null;
  const schema = new SchemaWriter({ ...context, side }).write(types);
  return schema !== null && saysSomething(schema) ? schema : null;
}

function untoldMethod({ checker }: Context, signature: ts.Signature, found: FoundClass): UntoldMethod {
  const declaration = signature.getDeclaration() as ts.SignatureDeclaration | undefined;
  const parameter = signature.parameters[0];
  const method = declaration?.name?.getText() ?? "predict";
  const type = parameter === undefined ? "unknown" : checker.typeToString(checker.getTypeOfSymbol(parameter));
  const isHere = declaration?.getSourceFile() === found.file;
  const place = isHere
    ? found.file.getLineAndCharacterOfPosition(declaration.getStart())
    : { line: 0, character: 0 };
  return { method, type, line: place.line + 1, column: place.character + 1 };
}

function hasStaticInput({ checker }: Context, found: FoundClass, method: string): boolean {
  const property = checker.getPropertyOfType(checker.getTypeOfSymbol(found.symbol), "input");
  if (property === undefined) return false;
  const type = checker.getTypeOfSymbol(property);
  const isOne = type.isStringLiteral() || checker.typeToString(type) === "string";
  if (isOne || checker.getPropertyOfType(type, "~standard") !== undefined) return method === "predict";
  // Of a schema library that is not installed nothing is known: it is taken at its word.
  return type.getProperties().length === 0 || checker.getPropertyOfType(type, method) !== undefined;
}

function isBinaryType(type: ts.Type): boolean {
  return BINARY.has(type.symbol?.name ?? "") && isPlatformType(type);
}

function symbolOf({ checker }: Context, { instance }: FoundClass, name: string): ts.Symbol | undefined {
  return checker.getPropertyOfType(instance, name);
}

function signatureOf(context: Context, found: FoundClass, name: string): ts.Signature | undefined {
  const symbol = symbolOf(context, found, name);
  if (symbol === undefined) return undefined;
  const type = context.checker.getTypeOfSymbol(symbol);
  return context.checker.getNonNullableType(type).getCallSignatures()[0];
}
