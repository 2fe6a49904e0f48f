import type ts from "typescript-api";
import { BINARY, STREAMS } from "./known-types.ts";
import { isPlatformType, type TypeContext as Context, unionMembers } from "./type-facts.ts";

export interface AnswerTypes {
  /** What goes out as one JSON value. */
  values: ts.Type[];
  /** What goes out item by item. */
  items: ts.Type[];
  isStream: boolean;
  isBinary: boolean;
}

/** What a method's return value becomes, by its type; a Response tells nothing of what is in it. */
export function answerOf(context: Context, signature: ts.Signature, isBatch: boolean): AnswerTypes {
  const { checker, ts } = context;
  const returned = awaited(checker, signature.getReturnType());
  const rows = isBatch ? rowTypes(context, returned) : [returned];
  const answer: AnswerTypes = { values: [], items: [], isStream: false, isBinary: false };
  for (const row of rows) {
    // A union with a name of its own stays whole where all of it is JSON.
    const members = row.isUnion() ? unionMembers(context, row) : [row];
    const kinds = members.map((member) => kindOf(context, member));
    if (kinds.every((kind) => kind === "value")) answer.values.push(row);
    else members.forEach((member, at) => addMember(context, answer, { member, kind: kinds[at] as Kind }));
  }
  const isNothing = ts.TypeFlags.Void | ts.TypeFlags.Undefined | ts.TypeFlags.Never;
  // A method that is declared to return nothing answers null; that is no schema worth the name.
  if (answer.values.every(({ flags }) => (flags & isNothing) !== 0)) answer.values = [];
  return answer;
}

type Kind = "value" | "stream" | "binary" | "response";

function kindOf({ ts, checker }: Context, type: ts.Type): Kind {
  if ((type.flags & ts.TypeFlags.Object) === 0) return "value";
  const name = type.symbol?.name ?? "";
  if (isPlatformType(type)) {
    if (BINARY.has(name)) return "binary";
    if (name === "Response") return "response";
    if (STREAMS.has(name)) return "stream";
    // The rest of the platform's iterables are arrays, maps and sets.
    return "value";
  }
  if (checker.isArrayLikeType(type)) return "value";
  return iteratorMethod({ checker }, type) === null ? "value" : "stream";
}

function addMember(
  context: Context,
  answer: AnswerTypes,
  { member, kind }: { member: ts.Type; kind: Kind },
): void {
  if (kind === "value") answer.values.push(member);
  if (kind === "binary") answer.isBinary = true;
  if (kind !== "stream") return;
  answer.isStream = true;
  const item = itemOf(context, member);
  if (item !== null) answer.items.push(item);
}

function itemOf(context: Pick<Context, "checker">, stream: ts.Type): ts.Type | null {
  const { checker } = context;
  const [item] = checker.getTypeArguments(stream as ts.TypeReference);
  if (isPlatformType(stream) && item !== undefined) return item;
  const iterator = iteratorMethod(context, stream)?.getCallSignatures()[0]?.getReturnType();
  const [inner] = iterator === undefined ? [] : checker.getTypeArguments(iterator as ts.TypeReference);
  return inner ?? null;
}

function iteratorMethod({ checker }: Pick<Context, "checker">, type: ts.Type): ts.Type | null {
  const properties = checker.getPropertiesOfType(type);
  const found =
    properties.find(({ name }) => name.startsWith("__@asyncIterator")) ??
    properties.find(({ name }) => name.startsWith("__@iterator"));
  return found === undefined ? null : checker.getTypeOfSymbol(found);
}

/** The rows of a batch; an Error among them is that caller's error answer. */
function rowTypes(context: Context, returned: ts.Type): ts.Type[] {
  const { checker, ts } = context;
  const row = checker.getIndexTypeOfType(returned, ts.IndexKind.Number);
  if (row === undefined) return [];
  const members = row.isUnion() ? unionMembers(context, row) : [row];
  const isError = (type: ts.Type): boolean =>
    ["message", "stack", "name"].every((name) => checker.getPropertyOfType(type, name) !== undefined);
  const answers = members.filter((member) => !isError(member));
  return answers.length === members.length ? [row] : answers;
}

function awaited(checker: ts.TypeChecker, type: ts.Type): ts.Type {
  return checker.getAwaitedType(type) ?? type;
}
