export type ChangeKind = { kind: "methods" | "process"; reason: string };

/** In doubt a new process loads. */
export function classifyCodeChange(before: string, after: string, className: string): ChangeKind {
  void [before, after, className];
  return { kind: "process", reason: "code changed" };
}
