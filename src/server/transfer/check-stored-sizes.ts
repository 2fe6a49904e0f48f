import type { FileEntry } from "../../protocol/manifest.ts";
import { HostError } from "../host-error.ts";
import type { Store } from "../store/store.ts";

/** The digests are the files' own; the sizes were only said until now. Throws HostError BAD_MANIFEST. */
export function checkStoredSizes({ db }: Store, files: readonly FileEntry[]): void {
  const sizeOf = db.prepare("SELECT size FROM blobs WHERE digest = ?");
  for (const [, path, digest, size] of files) {
    const stored = (sizeOf.get(digest) as { size: number } | undefined)?.size;
    if (stored === size) continue;
    throw new HostError("BAD_MANIFEST", `${path} has ${stored} bytes, not ${size} as its manifest says.`, {
      hint: "Build the package again and push that one.",
    });
  }
}
