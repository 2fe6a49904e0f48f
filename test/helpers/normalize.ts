import { stripVTControlCharacters } from "node:util";

/** What differs from run to run, replaced by names, so that a whole text can be compared. */
export function normalize(text: string, replacements: Record<string, string> = {}): string {
  let result = stripVTControlCharacters(text).replaceAll("\r\n", "\n");
  for (const [from, to] of Object.entries(replacements)) result = result.replaceAll(from, to);
  return result
    .replaceAll(/sha256:[0-9a-f]{64}/g, "sha256:DIGEST")
    .replaceAll(/(127\.0\.0\.1|localhost|\[::1\]):\d{2,5}/g, "$1:PORT")
    .replaceAll(/\b\d{2}:\d{2}:\d{2}\b/g, "TIME")
    .replaceAll(/\b\d+(\.\d+)? ?(ms|s)\b/g, "N $2");
}
