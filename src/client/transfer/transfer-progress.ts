import type { Digest } from "../../protocol/manifest.ts";

export interface UploadProgress {
  /** Handed to the network, resent bytes counted again. */
  sent: number;
  /** On the host's disk, as it has answered. */
  acknowledged: number;
  /** Of what was missing. */
  total: number;
  /** Files that are there in whole. */
  files: number;
  totalFiles: number;
}

/** Each byte that a host has is counted once, however often it was sent and whichever way it got there. */
export class TransferProgress {
  readonly #tell: (progress: UploadProgress) => void;
  readonly #now: UploadProgress;
  readonly #acknowledged = new Map<Digest, number>();
  readonly #whole = new Set<Digest>();

  constructor({ bytes, files }: { bytes: number; files: number }, tell: (progress: UploadProgress) => void) {
    this.#tell = tell;
    this.#now = { sent: 0, acknowledged: 0, total: bytes, files: 0, totalFiles: files };
  }

  get current(): UploadProgress {
    return { ...this.#now };
  }

  readonly sent = (bytes: number): void => {
    this.#now.sent += bytes;
    this.#tell(this.current);
  };

  /** So much of a file is there, from now on. */
  acknowledge(digest: Digest, bytes: number): void {
    this.#now.acknowledged += bytes - (this.#acknowledged.get(digest) ?? 0);
    this.#acknowledged.set(digest, bytes);
    this.#tell(this.current);
  }

  whole(digest: Digest, size: number): void {
    if (!this.#whole.has(digest)) this.#now.files += 1;
    this.#whole.add(digest);
    this.acknowledge(digest, size);
  }
}
