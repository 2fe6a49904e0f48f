import { nearest } from "../../util/nearest.ts";

interface Scheme {
  format: string;
  /** Of what follows `scheme://`, without revision and fragment. */
  path: RegExp;
}

const BUCKET_PATH = /^[^/\s]+\/[^/\s]\S*$/;

const SCHEMES: Record<string, Scheme> = {
  hf: { format: "hf://org/model@revision", path: /^[^/\s]+\/[^/\s]+(\/[^\s]+)?$/ },
  s3: { format: "s3://bucket/prefix", path: BUCKET_PATH },
  gs: { format: "gs://bucket/prefix", path: BUCKET_PATH },
  r2: { format: "r2://account.bucket/prefix", path: /^[^/.\s]+\.[^/\s]+\/[^/\s]\S*$/ },
  https: { format: "https://host/file#sha256=...", path: /^[^/\s]+\/\S+$/ },
};

const KNOWN = Object.keys(SCHEMES)
  .map((name) => `${name}://`)
  .join(", ");

/** What is wrong with the source of weights, to follow its key path in a sentence; null where nothing is. */
export function weightSourceProblem(source: string): string | null {
  const match = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^#]*)(#.*)?$/s.exec(source);
  if (!match) return `needs a scheme; the schemes are ${KNOWN}`;
  const [, name = "", rest = "", fragment = ""] = match;
  const scheme = Object.hasOwn(SCHEMES, name) ? SCHEMES[name] : undefined;
  if (!scheme) return unknownScheme(name);
  // In the authority of https, user:password@ is a credential, and what is written here is packed and shown.
  const at = name === "https" ? (rest.split("/")[0] ?? "").indexOf("@") : rest.indexOf("@");
  const hasRevision = name === "hf" && at !== -1;
  if (at !== -1 && name === "https") return "must not hold a user or password; use auth_secret_name";
  if (at !== -1 && name !== "hf") return `takes no \`@\`: only hf:// has revisions; write ${scheme.format}`;
  const path = hasRevision ? rest.slice(0, at) : rest;
  if (hasRevision && !/^[^@\s]+$/.test(rest.slice(at + 1)))
    return "has an empty or doubled revision after `@`";
  if (!scheme.path.test(path)) return `must look like ${scheme.format}`;
  return fragmentProblem(name, fragment);
}

function unknownScheme(name: string): string {
  if (name === "http") return "must use https://, so that nobody can change the files on their way";
  const meant = nearest(name, Object.keys(SCHEMES));
  const suggestion = meant === undefined ? "" : `; did you mean ${meant}://?`;
  return `has the unknown scheme ${name}://; the schemes are ${KNOWN}${suggestion}`;
}

function fragmentProblem(name: string, fragment: string): string | null {
  if (fragment === "") return null;
  if (name !== "https") return "takes no `#`: only https:// has a checksum there";
  return /^#sha256=[0-9a-fA-F]{64}$/.test(fragment) ? null : "must end with #sha256= and 64 hex digits";
}
