/** Something that a soak must not show. */
export interface Finding {
  code:
    | "memory"
    | "files"
    | "handles"
    | "processes"
    | "slots"
    | "restarts"
    | "slow-front"
    | "error-answer"
    | "different-output"
    | "broken-answer"
    | "no-answer"
    | "too-short";
  /** What was seen, with its numbers. */
  message: string;
  /** How often; where it was counted. */
  count?: number;
  hint?: string;
}
