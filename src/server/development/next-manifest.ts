import { manifestOf } from "../../pack/pack-package.ts";
import type { SyncRequest } from "../../protocol/development.ts";
import type { Digest, PackageManifest } from "../../protocol/manifest.ts";
import { HostError } from "../host-error.ts";

export interface NextManifest {
  /** Unchecked still. */
  next: unknown;
  /** What the change was told as a difference from; null where all of it was sent. */
  base: PackageManifest | null;
}

/** What a sync makes of the package that it is based on. Throws HostError STALE_BASE. */
export function nextManifest(
  request: SyncRequest,
  head: Digest | null,
  read: (digest: Digest) => PackageManifest,
): NextManifest {
  if (request.base === null) return { next: request.manifest, base: null };
  const stale = (message: string): HostError =>
    new HostError("STALE_BASE", message, { hint: "Send the whole manifest.", details: { head } });
  if (request.base !== head) throw stale(`The change is based on ${request.base}, and the head is ${head}.`);
  const base = readBase(request.base, read);
  if (base === null) throw stale(`The package ${request.base} is no longer kept.`);
  const gone = new Set([...(request.delete ?? []), ...(request.put ?? []).map(([, path]) => path)]);
  const files = [...base.files.filter(([, path]) => !gone.has(path)), ...(request.put ?? [])];
  const { entry, runtime_version } = request.about as NonNullable<SyncRequest["about"]>;
  const next = manifestOf(files, {
    modelName: base.model_name,
    target: base.target,
    runtimeVersion: String(runtime_version),
    className: String(entry?.class_name),
    source: String(entry?.source),
  });
  if (next.package !== request.target)
    throw stale(`The change makes ${next.package} of the head, not ${request.target}.`);
  return { next, base };
}

function readBase(digest: Digest, read: (digest: Digest) => PackageManifest): PackageManifest | null {
  try {
    return read(digest);
  } catch (error) {
    // Collected: nothing was deployed with it.
    if (error instanceof HostError && error.code === "NOT_FOUND") return null;
    throw error;
  }
}
