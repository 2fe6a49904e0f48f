import { WATCH_LEASE_MS } from "../../protocol/development.ts";
import { HostError } from "../host-error.ts";

export interface LeaseRequest {
  /** The watcher's own name for itself: who comes again with it goes on. */
  session: string;
  /** For people: who that is. */
  name: string;
  takeover: boolean;
  /** Called once where it ends without `release`: somebody else has it now, or it was not renewed. */
  onLost(by: string | null): void;
}

export interface WatchLease {
  readonly session: string;
  readonly name: string;
  readonly since: string;
  release(): void;
}

interface Held extends WatchLease {
  renewedAt: number;
  onLost(by: string | null): void;
}

/**
 * One watcher for each model. A lease lives with the connection that holds it, so that a killed watcher leaves none;
 * one whose machine has gone to sleep runs out.
 */
export class WatchLeases {
  readonly #held = new Map<string, Held>();
  readonly #now: () => number;

  /** `now` in milliseconds of a clock that never goes back. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Throws HostError WATCH_CONFLICT. */
  take(model: string, { session, name, takeover, onLost }: LeaseRequest): WatchLease {
    const other = this.#current(model);
    if (other !== null && other.session !== session && !takeover) {
      throw new HostError("WATCH_CONFLICT", `${other.name} is watching ${model} since ${other.since}.`, {
        hint: "purlin push --watch --takeover takes it over.",
        details: { watcher: { name: other.name, since: other.since } },
      });
    }
    if (other !== null) this.#end(model, other, other.session === session ? null : name);
    const lease: Held = {
      session,
      name,
      since: new Date().toISOString(),
      renewedAt: this.#now(),
      onLost,
      release: () => {
        if (this.#held.get(model) === lease) this.#held.delete(model);
      },
    };
    this.#held.set(model, lease);
    return lease;
  }

  /** Throws HostError WATCH_LOST where the session does not hold it. */
  renew(model: string, session: string): void {
    const lease = this.#current(model);
    if (lease?.session === session) {
      lease.renewedAt = this.#now();
      return;
    }
    const who = lease === null ? "Nobody holds it now" : `${lease.name} watches now`;
    throw new HostError("WATCH_LOST", `This watcher no longer holds the lease of ${model}. ${who}.`, {
      hint: "Ask for it again, or take it over.",
    });
  }

  watcher(model: string): { name: string; since: string } | null {
    const lease = this.#current(model);
    return lease === null ? null : { name: lease.name, since: lease.since };
  }

  #current(model: string): Held | null {
    const lease = this.#held.get(model);
    if (lease === undefined) return null;
    if (this.#now() - lease.renewedAt <= WATCH_LEASE_MS) return lease;
    this.#end(model, lease, null);
    return null;
  }

  #end(model: string, lease: Held, by: string | null): void {
    this.#held.delete(model);
    lease.onLost(by);
  }
}
