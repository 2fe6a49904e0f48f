import type { MemberExpression, Node, Pattern } from "acorn";
import { type FunctionLike, patternNames } from "./declared-names.ts";
import { LENDS, literalName, type Root, rootOf } from "./member-roots.ts";

/** Local names that stand for something that `this` holds: `const cache = this.cache`. */
export class LentNames {
  readonly #names = new Set<string>();

  /** Does a chain of members begin at `this`, or at something that it holds? */
  begins(root: Root): boolean {
    return root.kind === "this" || (root.kind === "name" && this.#names.has(root.name));
  }

  /** Is it, or a part of it, something that `this` holds? */
  has(value: Node): boolean {
    switch (value.type) {
      case "MemberExpression":
      case "ThisExpression":
        return this.begins(rootOf(value));
      case "Identifier":
        return this.#names.has((value as { name?: string }).name ?? "");
      case "AwaitExpression":
      case "SpreadElement":
        return this.has((value as unknown as { argument: Node }).argument);
      case "ChainExpression":
        return this.has((value as unknown as { expression: Node }).expression);
      case "LogicalExpression":
      case "AssignmentExpression": {
        const { left, right } = value as unknown as { left: Node; right: Node };
        return this.has(left) || this.has(right);
      }
      case "ConditionalExpression": {
        const { consequent, alternate } = value as unknown as { consequent: Node; alternate: Node };
        return this.has(consequent) || this.has(alternate);
      }
      case "CallExpression": {
        const { callee } = value as unknown as { callee: Node };
        if (callee.type !== "MemberExpression") return false;
        return LENDS.test(literalName(callee as MemberExpression) ?? "") && this.begins(rootOf(callee));
      }
      default:
        return false;
    }
  }

  add(pattern: Pattern): void {
    for (const name of patternNames(pattern)) this.#names.add(name);
  }

  addParameters(callback: FunctionLike): void {
    for (const param of callback.params) this.add(param);
  }
}
