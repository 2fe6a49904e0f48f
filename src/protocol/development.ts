import type { ExampleDifference } from "./control.ts";
import type { DeploymentError } from "./host-api.ts";
import type { Digest, FileEntry, PackageManifest } from "./manifest.ts";

/**
 * How `push --watch` keeps the development deployment of a model in step with a folder. All routes are under
 * /v1/models/{model}/development. The server keeps two digests apart: `head` is what it was sent last, `active` is
 * what answers; they differ while a change loads, and for good where it could not be loaded.
 */
export const DEVELOPMENT = "development";

/** GET, with ?wait=SECONDS once nothing is loading any more; with ?session=ID it renews the lease of that watcher. */
export interface DevelopmentState {
  head: Digest | null;
  active: Digest | null;
  deployment: string | null;
  /** The head is on its way: it is being put in place or loaded. */
  loading: boolean;
  /** Ready replicas; each answers with `active`. */
  replicas: number;
  /** Why the head is not active, where it has failed. */
  last_error: DeploymentError | null;
  watcher: { name: string; since: string } | null;
  /** How answers to the examples of what is active differ from those of its config. Hosts of before do not tell. */
  differences?: ExampleDifference[];
}

/** POST /watch {session, name, takeover}: NDJSON for as long as the lease is held; a closed connection gives it back. */
export type WatchLine =
  | { type: "watching"; state: DevelopmentState }
  /** At least every WATCH_BEAT_MS, and whenever something else is active. */
  | { type: "state"; state: DevelopmentState }
  /** Somebody else has taken over. */
  | { type: "revoked"; by: string };

export const WATCH_BEAT_MS = 10_000;
/** A lease that was not renewed for so long is given back. */
export const WATCH_LEASE_MS = 30_000;

/** The most bytes of files that travel within one sync; others are sent beforehand, as for a push. */
export const SYNC_INLINE_BYTES = 8 * 1024 * 1024;
/** POST /sync. Body: u32be n, n bytes of JSON (SyncRequest), then the bytes of the files in `inline`. */
export const SYNC_TYPE = "application/x-purlin-sync";

export interface SyncRequest {
  session: string;
  /** The package that `put` and `delete` are to be applied to; null where `manifest` has all of it. */
  base: Digest | null;
  target: Digest;
  manifest?: PackageManifest | undefined;
  /** What the package is besides its files. */
  about?: Pick<PackageManifest, "runtime_version" | "entry"> | undefined;
  put?: FileEntry[] | undefined;
  delete?: string[] | undefined;
  /** Files whose bytes follow, in this order. */
  inline: [Digest, number][];
  /** `methods` where they can be put on the loaded instances of the package `live`. */
  kind: "methods" | "process";
  live: Digest | null;
  /** To be loaded again even where it is active already. */
  anew: boolean;
  /** An answer that is not the one of its example keeps the change from going live; without it, it is told. */
  strict_examples?: boolean | undefined;
  /** For the timeline. */
  reason: string;
}

/** Answers at once where the change is live or has failed, and after SYNC_WAIT_MS where it still loads. */
export interface SyncAnswer {
  state: DevelopmentState;
  /** How it was done, `none` where it was live already; null where it is not over. */
  kind: "methods" | "process" | "none" | null;
  phases_ms: { stage: number; swap: number };
}

export const SYNC_WAIT_MS = 20_000;
