import type { Hash } from "node:crypto";
import { INLINE_BODY_BYTES } from "../channel/frames.ts";
import type { Job } from "./job.ts";

/** A suspect that is not seen again for so long is forgotten; one that is refused is kept until the code changes. */
const SUSPECTED_MS = 10 * 60_000;
const MOST_SUSPECTS = 1000;
/** In company nobody knows which one it was. */
const DEATH_IN_COMPANY = 1 / 3;

interface Suspect {
  /** Model processes that died while they worked on it, and never came to an end in between. */
  deaths: number;
  seenAt: number;
}

export interface PoisonOptions {
  /** Deaths after which it is refused; 0 for never. */
  limit: () => number;
  /** Told at its last death. */
  onProven: (digest: string) => void;
}

/**
 * Bodies on which model processes have died. Every request that a dying process may have been working on is
 * suspected and runs alone from then on; one that ends clears it, so that only what kills again and again is refused.
 * Until a process dies, no body is looked at, and large ones, which are not kept, are counted only after that.
 */
export class Poison {
  readonly #options: PoisonOptions;
  readonly #suspects = new Map<string, Suspect>();
  #lastDeath = -Infinity;
  refusals = 0;

  constructor(options: PoisonOptions) {
    this.#options = options;
  }

  /** Begins to digest a large body that is about to come, where that is of use. */
  watch(job: Job): void {
    if (performance.now() - this.#lastDeath < SUSPECTED_MS) job.hash = sha256();
  }

  suspects(job: Job): boolean {
    return this.#suspects.size > 0 && this.#suspect(job) !== null;
  }

  /** Has it killed too often? Asked once for each request. */
  refuses(job: Job): boolean {
    if (this.#suspects.size === 0 || !this.#isProven(this.#suspect(job))) return false;
    this.refusals += 1;
    return true;
  }

  /** A process has died, and these had begun in it. */
  died(jobs: readonly Job[]): void {
    if (jobs.length === 0 || this.#options.limit() === 0) return;
    const now = performance.now();
    this.#lastDeath = now;
    for (const job of jobs) {
      const digest = digestOf(job);
      if (digest === null) continue;
      const before = this.#suspects.get(digest) ?? { deaths: 0, seenAt: now };
      const deaths = before.deaths + (jobs.length === 1 ? 1 : DEATH_IN_COMPANY);
      const suspect = { deaths, seenAt: now };
      // The oldest ones stay first.
      this.#suspects.delete(digest);
      this.#suspects.set(digest, suspect);
      if (this.#isProven(suspect) && !this.#isProven(before)) this.#options.onProven(digest);
    }
    for (const oldest of this.#suspects.keys()) {
      if (this.#suspects.size <= MOST_SUSPECTS) break;
      this.#suspects.delete(oldest);
    }
  }

  /** Its user code has run to its end, answered or cancelled: it kills nobody. */
  survived(job: Job): void {
    if (this.#suspects.size === 0) return;
    const digest = digestOf(job);
    if (digest !== null) this.#suspects.delete(digest);
  }

  /** Other code may take what killed the code before. */
  forget(): void {
    this.#suspects.clear();
  }

  #suspect(job: Job): Suspect | null {
    const digest = digestOf(job);
    const suspect = digest === null ? undefined : this.#suspects.get(digest);
    if (suspect === undefined) return null;
    if (this.#isProven(suspect) || performance.now() - suspect.seenAt < SUSPECTED_MS) return suspect;
    this.#suspects.delete(digest as string);
    return null;
  }

  #isProven(suspect: Suspect | null): boolean {
    const limit = this.#options.limit();
    // Thirds do not add up to a whole to the last bit.
    return suspect !== null && limit > 0 && suspect.deaths > limit - 0.01;
  }
}

/** null where there is no body, or where it was not looked at when it came. */
function digestOf(job: Job): string | null {
  if (job.digest === null && job.bodyComplete) job.digest = computeDigest(job);
  return job.digest;
}

function computeDigest({ hash, body, head, bodyBytes }: Job): string | null {
  if (hash !== null) return `${head.method}:${hash.digest("hex")}`;
  if (bodyBytes === 0 || bodyBytes > INLINE_BODY_BYTES || body.length === 0) return null;
  const whole = sha256();
  for (const piece of body) whole.update(piece);
  return `${head.method}:${whole.digest("hex")}`;
}

/** The module is slow to load, and hardly ever needed. */
function sha256(): Hash {
  return process.getBuiltinModule("node:crypto").createHash("sha256");
}
