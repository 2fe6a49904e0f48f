import type { NodeAbi } from "./addons.ts";
import type { Digest } from "./manifest.ts";

/**
 * How a package travels to a deployment server: manifest, list of missing files, those files, commit.
 * All routes are under /v1/models/{model}; the files that a model has sent are its own: nobody can ask for another's.
 */
export const TRANSFER_LIMITS = {
  file_bytes: 20 * 1024 ** 3,
  package_bytes: 50 * 1024 ** 3,
  package_files: 100_000,
  manifest_bytes: 32 * 1024 ** 2,
  /** Files up to this size travel in batches. */
  batch_file_bytes: 256 * 1024,
  batch_files: 1000,
  batch_bytes: 8 * 1024 ** 2,
  /** Files above this size travel in parts. */
  whole_file_bytes: 32 * 1024 ** 2,
  part_bytes: 32 * 1024 ** 2,
  missing_query: 10_000,
  uploads_per_model: 8,
  push_ttl_seconds: 24 * 3600,
  body_idle_seconds: 30,
  /** A body slower than this, averaged over body_idle_seconds, is cut. */
  min_bytes_per_second: 1024,
} as const;

export type TransferLimits = { readonly [Name in keyof typeof TRANSFER_LIMITS]: number };

/** GET /v1/capabilities */
export interface Capabilities {
  version: string;
  /** What packages must be built for; see target.ts. */
  target: string;
  /** The Node that runs the packages; a host of an earlier version does not tell. */
  node?: NodeAbi;
  hash: ["sha256"];
  encodings: ["gzip"];
  limits: TransferLimits;
  features: string[];
  /** What keeps a model from the host and from other models, in words. */
  isolation: string[];
}

/** POST /pushes (body: the PackageManifest, gzip allowed) answers 201, or 200 where nothing has to be sent. */
export interface PushOpened {
  push_id: string;
  state: "AWAITING_FILES" | "READY";
  package: Digest;
  missing: Digest[];
  missing_bytes: number;
  expires_at: string;
}

/** POST /files:missing {digests} */
export interface MissingAnswer {
  missing: Digest[];
}

/** POST /files:batch answers; each file by itself. Body: u32be n, n bytes of JSON [[digest, size], ...], the bytes. */
export interface BatchAnswer {
  stored: number;
  existing: number;
  failed: { digest: Digest; code: string }[];
}
export const BATCH_TYPE = "application/x-purlin-files";

/** POST /uploads {digest, size} answers 201, or 200 for one that is under way; {exists: true} where it is there. */
export interface UploadOpened {
  exists: boolean;
  upload_id?: string;
  part_size?: number;
  parts?: number;
  /** Numbers of parts that are on the server's disk. */
  received?: number[];
}

/** POST /pushes/{id}:commit */
export interface CommitRequest {
  environment: string;
  message?: string | undefined;
  /** 1..99: that share of the requests, until finished or aborted. */
  rollout?: number | undefined;
  /** The package that serves the environment as the client knows it, null for none; absent: whatever. */
  expect_previous?: Digest | null | undefined;
}

export interface CommitAnswer {
  deployment_id: string;
  package: Digest;
  state: string;
  environment: string;
}
