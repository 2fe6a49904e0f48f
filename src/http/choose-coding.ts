import { type Coding, knownCodings } from "./content-coding.ts";

/**
 * How to pack an answer for a client that sends this Accept-Encoding (RFC 9110 §12.5.3): what it likes best, and of
 * several, what packs best for its cost. Null: as it is, which is also for clients that forbid that and offer nothing.
 */
export function chooseCoding(accept: string | undefined): Coding | null {
  if (accept === undefined || accept === "") return null;
  const qualities = new Map<string, number>();
  for (const entry of accept.toLowerCase().split(",")) {
    const [name = "", ...parameters] = entry.split(";").map((part) => part.trim());
    const q = parameters.find((parameter) => /^q\s*=/.test(parameter));
    const quality = q === undefined ? 1 : Number(q.replace(/^q\s*=\s*/, ""));
    qualities.set(name === "x-gzip" ? "gzip" : name, quality >= 0 && quality <= 1 ? quality : 0);
  }
  const others = qualities.get("*") ?? 0;
  let best: Coding | null = null;
  let most = 0;
  for (const coding of knownCodings()) {
    const quality = qualities.get(coding) ?? others;
    if (quality > most) [best, most] = [coding, quality];
  }
  // Named, and liked better than all of them.
  return (qualities.get("identity") ?? 0) > most ? null : best;
}
