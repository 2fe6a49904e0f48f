import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SYNC_INLINE_BYTES, type SyncRequest } from "../../protocol/development.ts";
import type { Digest, FileEntry, PackageManifest } from "../../protocol/manifest.ts";
import type { BuiltPackage, NextBuild } from "../build-steps/live-builder.ts";

/** Larger files are sent beforehand, in requests that can be taken up again. */
const INLINE_FILE_BYTES = 1024 * 1024;

export interface SyncBase {
  session: string;
  strictExamples: boolean;
  /** What the server has; null where that is not known, and all of the manifest is sent. */
  head: PackageManifest | null;
  live: Digest | null;
}

/** A change as it travels: the files that differ, and their bytes as far as they are small. */
export function syncBody(
  { built, kind, reason, anew = false }: NextBuild,
  { session, strictExamples, head, live }: SyncBase,
): { request: SyncRequest; bytes: Uint8Array[] } {
  const { manifest } = built;
  const put = changedFiles(head, manifest);
  const inline: [Digest, number][] = [];
  const bytes: Uint8Array[] = [];
  let total = 0;
  // A whole package may be there already: then nothing but its manifest is needed.
  const candidates = head === null ? put.filter(([layer]) => layer === "code") : put;
  for (const entry of candidates) {
    const [, , digest, size] = entry;
    if (size > INLINE_FILE_BYTES || total + size > SYNC_INLINE_BYTES) continue;
    const content = contentOf(built, entry);
    if (content === null) continue;
    inline.push([digest, size]);
    bytes.push(content);
    total += size;
  }
  const inPlace = kind === "methods" || kind === "settings";
  const common = {
    session,
    strict_examples: strictExamples,
    target: manifest.package,
    inline,
    kind: inPlace ? ("methods" as const) : ("process" as const),
    live,
    anew,
    reason,
  };
  if (head === null) return { request: { ...common, base: null, manifest }, bytes };
  const names = new Set(manifest.files.map(([, path]) => path));
  const request: SyncRequest = {
    ...common,
    base: head.package,
    about: { runtime_version: manifest.runtime_version, entry: manifest.entry },
    put,
    delete: head.files.map(([, path]) => path).filter((path) => !names.has(path)),
  };
  return { request, bytes };
}

function changedFiles(head: PackageManifest | null, { files }: PackageManifest): FileEntry[] {
  const before = new Map((head?.files ?? []).map((entry) => [entry[1], entry]));
  return files.filter(([, path, digest, , mode]) => {
    const earlier = before.get(path);
    return earlier?.[2] !== digest || earlier[4] !== mode;
  });
}

/** null where the file is not what it was: the server then asks for it, and sending it tells. */
function contentOf({ code, dir }: BuiltPackage, [layer, path, , size]: FileEntry): Uint8Array | null {
  if (layer === "code") return code.find((file) => `code/${file.path}` === path)?.contents ?? null;
  try {
    const content = readFileSync(join(dir, path));
    return content.length === size ? content : null;
  } catch {
    return null;
  }
}
