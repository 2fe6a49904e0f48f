/** Stands before and after each line of the corpus. */
export const END = "\n";

/** Words and punctuation marks. */
export function tokenize(text: string): string[] {
  return text.match(/[\p{L}\p{N}]+(?:['’-][\p{L}\p{N}]+)*|[^\s\p{L}\p{N}]/gu) ?? [];
}

/** A token with the space that belongs before it. */
export function spaced(token: string, isFirst: boolean): string {
  return isFirst || /^[.,:;!?)]$/.test(token) ? token : ` ${token}`;
}
