import type ts from "typescript-api";
import type { TypeScript } from "./typescript.ts";

export interface DeclarationText {
  /** The file without the bodies of its functions: what types are declared by. */
  declared: string;
  /** The bodies of functions that do not say what they return: their types are inferred from these. */
  inferred: string;
}

/** What of a file its types depend on, from its syntax alone; a body whose function says what it returns is neither. */
export function declarationText(ts: TypeScript, source: ts.SourceFile): DeclarationText {
  const { text } = source;
  const declared: string[] = [];
  const inferred: string[] = [];
  let from = 0;
  const visit = (node: ts.Node): void => {
    const body = bodyOf(ts, node);
    if (body === null) return ts.forEachChild(node, visit);
    ts.forEachChild(node, (child) => (child === body.node ? undefined : visit(child)));
    declared.push(text.slice(from, body.node.pos));
    from = body.node.end;
    if (body.tells) inferred.push(text.slice(body.node.pos, body.node.end));
  };
  visit(source);
  declared.push(text.slice(from));
  return { declared: declared.join("\0"), inferred: inferred.join("\0") };
}

function bodyOf(ts: TypeScript, node: ts.Node): { node: ts.Node; tells: boolean } | null {
  // Types of JavaScript come from what constructors assign as well.
  const isScript = /\.[cm]?jsx?$/.test(node.getSourceFile?.()?.fileName ?? "");
  if (ts.isConstructorDeclaration(node) || ts.isSetAccessorDeclaration(node)) {
    return node.body === undefined ? null : { node: node.body, tells: isScript };
  }
  if (
    ts.isFunctionDeclaration(node) ||
    ts.isMethodDeclaration(node) ||
    ts.isGetAccessorDeclaration(node) ||
    ts.isFunctionExpression(node) ||
    ts.isArrowFunction(node)
  ) {
    return node.body === undefined ? null : { node: node.body, tells: isScript || node.type === undefined };
  }
  return null;
}
