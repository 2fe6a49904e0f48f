import type ts from "typescript-api";
import { AMBIENT_FILE } from "./ambient.ts";
import { LIB_DIR, type TypeScript } from "./typescript.ts";

export interface TypeContext {
  ts: TypeScript;
  checker: ts.TypeChecker;
}

/** Does the language or its platform declare it, rather than somebody's code? */
export function isPlatformType(type: ts.Type): boolean {
  const files = declaredIn(type.symbol);
  return files.some(
    (file) =>
      file === AMBIENT_FILE || file.startsWith(`${LIB_DIR}/`) || file.includes("/node_modules/@types/node/"),
  );
}

/** A class of a package: what its instances hold, and what JSON makes of them, its declarations do not tell. */
export function isFromElsewhere({ ts }: TypeContext, type: ts.Type): boolean {
  const { symbol } = type;
  if (symbol === undefined || (symbol.flags & ts.SymbolFlags.Class) === 0) return false;
  return declaredIn(symbol).some((file) => file.includes("/node_modules/"));
}

/** The name that somebody gave to a type that is worth one: an object, a union, an enum. */
export function namedOf(
  { ts, checker }: TypeContext,
  type: ts.Type,
): { name: string; symbol: ts.Symbol } | null {
  const isWorthIt =
    (type.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection | ts.TypeFlags.Union)) !== 0;
  if (!isWorthIt || (type.flags & ts.TypeFlags.Boolean) !== 0) return null;
  if (checker.isArrayType(type) || checker.isTupleType(type)) return null;
  const named = ts.SymbolFlags.Interface | ts.SymbolFlags.Class | ts.SymbolFlags.Enum;
  const own = type.symbol !== undefined && (type.symbol.flags & named) !== 0 ? type.symbol : undefined;
  const symbol = type.aliasSymbol ?? own;
  if (symbol === undefined || isOfPlatform(symbol)) return null;
  const given =
    type.aliasSymbol === undefined ? ownArguments(type, checker) : (type.aliasTypeArguments ?? []);
  const words = [symbol.name, ...given.map((argument) => wordOf(argument, checker))];
  const name = words
    .join("_")
    .replaceAll(/[^\w]+/g, "_")
    .replaceAll(/^_+|_+$/g, "");
  return name === "" || name === "default" ? null : { name, symbol };
}

/** The members of a union, as they were written as far as TypeScript has kept that: a named part stays whole. */
export function unionMembers({ ts }: TypeContext, type: ts.UnionType): readonly ts.Type[] {
  const { origin } = type as ts.UnionType & { origin?: ts.Type };
  if (origin === undefined || !origin.isUnion()) return type.types;
  const known = new Set(type.types);
  // Where it was simplified since, its parts are not those that were written.
  const parts = origin.types.flatMap((part) => (part.isUnion() ? part.types : [part]));
  const isSame = parts.length >= type.types.length && parts.every((part) => known.has(part));
  return isSame && origin.types.every(({ flags }) => (flags & ts.TypeFlags.Any) === 0)
    ? origin.types
    : type.types;
}

export function typeArgumentsOf({ checker }: TypeContext, type: ts.TypeReference): readonly ts.Type[] {
  return checker.getTypeArguments(type);
}

function ownArguments(type: ts.Type, checker: ts.TypeChecker): readonly ts.Type[] {
  const { target } = type as ts.TypeReference;
  if (target === undefined) return [];
  return checker.getTypeArguments(type as ts.TypeReference).slice(0, target.typeParameters?.length ?? 0);
}

function wordOf(type: ts.Type, checker: ts.TypeChecker): string {
  return type.aliasSymbol?.name ?? checker.typeToString(type);
}

/** Partial, Record and their like name what is done to a type, not the type. */
function isOfPlatform(symbol: ts.Symbol): boolean {
  return declaredIn(symbol).some((file) => file === AMBIENT_FILE || file.startsWith(`${LIB_DIR}/`));
}

function declaredIn(symbol: ts.Symbol | undefined): string[] {
  return (symbol?.declarations ?? []).map((declaration) => declaration.getSourceFile().fileName);
}
