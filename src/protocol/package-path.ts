/** Names that every file system, archive and server can carry; client and server use this same function. */
export const MAX_PATH_BYTES = 1024;
export const MAX_SEGMENT_BYTES = 255;

const encoder = new TextEncoder();

/** C0 and C1 controls, DEL, and the marks that turn the direction of text or are invisible. */
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/u; // oxlint-disable-line no-control-regex -- they are what is looked for
const LONE_SURROGATE = /[\ud800-\udfff]/u;

/** Why a path (relative, from the package root) cannot be carried to other machines, or null where it can. */
export function pathProblem(path: string): string | null {
  if (path === "") return "is empty";
  if (LONE_SURROGATE.test(path) || path.includes("\ufffd")) return "is not valid UTF-8";
  if (HIDDEN.test(path)) return "holds an invisible or control character";
  if (path.includes("\\")) return "holds a backslash";
  if (path.startsWith("/") || /^[a-z]:/i.test(path)) return "is absolute";
  if (path.normalize("NFC") !== path) return "is not in Unicode form NFC (macOS may have written it so)";
  if (encoder.encode(path).length > MAX_PATH_BYTES) return `is longer than ${MAX_PATH_BYTES} bytes`;
  for (const segment of path.split("/")) {
    const problem = segmentProblem(segment);
    if (problem !== null) return problem;
  }
  return null;
}

function segmentProblem(segment: string): string | null {
  if (segment === "") return "has an empty part";
  if (segment === "." || segment === "..") return `has the part ${segment}`;
  if (/[. ]$/.test(segment)) return "has a part that ends in a dot or a space";
  // Container layers read this prefix as "delete that file".
  if (segment.startsWith(".wh.")) return "has a part that starts with .wh.";
  if (encoder.encode(segment).length > MAX_SEGMENT_BYTES)
    return `has a part longer than ${MAX_SEGMENT_BYTES} bytes`;
  return null;
}

export interface PathClash {
  first: string;
  second: string;
  reason: string;
}

/** Two paths that are one and the same, or file and folder at once, on some file system; null where none are. */
export function findPathClash(paths: Iterable<string>): PathClash | null {
  const files = new Map<string, string>();
  const all = [...paths];
  for (const path of all) {
    const folded = foldPath(path);
    const twin = files.get(folded);
    if (twin !== undefined) {
      const reason = twin === path ? "is listed twice" : "differs from it only in upper and lower case";
      return { first: twin, second: path, reason };
    }
    files.set(folded, path);
  }
  const folders = new Map<string, string>();
  for (const path of all) {
    for (let end = path.indexOf("/"); end !== -1; end = path.indexOf("/", end + 1)) {
      const folder = path.slice(0, end);
      const folded = foldPath(folder);
      const file = files.get(folded);
      if (file !== undefined) return { first: file, second: path, reason: "needs it to be a folder" };
      const twin = folders.get(folded);
      if (twin !== undefined && twin !== folder) {
        return { first: twin, second: path, reason: "lies in a folder that differs from it only in case" };
      }
      folders.set(folded, folder);
    }
  }
  return null;
}

/** As a file system that ignores case sees it; upper case first, so that ß and SS, ſ and S meet too. */
function foldPath(path: string): string {
  return path.toUpperCase().toLowerCase().normalize("NFC");
}
