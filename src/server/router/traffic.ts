import { ReplicaClient } from "../../client/replica-client.ts";
import { type Address, isSameAddress } from "../../protocol/address.ts";
import { HostError } from "../host-error.ts";
import { LoadMeter, type Load } from "./load-meter.ts";
import { type MinuteStats, SlidingMinute } from "./sliding-minute.ts";
import { TrafficCounters, type TrafficMetrics } from "./traffic-counters.ts";
import { WaitingLine } from "./waiting-line.ts";

export interface TrafficOptions {
  /** Requests that may wait for a replica; more are refused with OVERLOADED. */
  maxWaiting: number;
  /** How long a request waits for a replica, before WAKE_TIMEOUT. */
  waitMs: number;
  /** Someone waits and no replica is there: called for each. */
  onDemand(): void;
  /** How each request of a replica ended. */
  onOutcome?(id: string, outcome: Outcome): void;
  /** Requests that one replica gets at a time; the others wait here. Default: no limit, the runtime has a queue. */
  maxPerReplica?: number;
  /** Milliseconds of a clock that never goes back. */
  now?: () => number;
}

/** How a request ended: with a status, by its client, with its replica, or without ever reaching that. */
export type Outcome = { status: number; ms: number } | "cancelled" | "lost" | "unreachable";

/** The right to send one request to a replica. */
export interface Lease {
  readonly id: string;
  readonly client: ReplicaClient;
  /** Once; what is said later is not heard. */
  end(outcome: Outcome): void;
}

export interface AcquireOptions {
  /** Asked for only where it has to wait. */
  signal?: () => AbortSignal;
  /** Point in time of `now` until which it may wait, where that is sooner than `waitMs`. */
  until?: number;
}

interface Backend {
  id: string;
  client: ReplicaClient;
  inFlight: number;
  /** Not to be asked before this time: the last connection was refused. */
  downUntil: number;
  refusals: number;
  /** Resolves the promises of `remove`; null while it takes requests. */
  drained: { promise: Promise<void>; resolve: () => void } | null;
}

/** The deployment of this traffic serves no more: the table knows which one does. */
export class TrafficRetired extends Error {}

/** A refused connection is tried again after this, doubled each time up to a second. */
const FIRST_RETRY_MS = 25;
const LONGEST_RETRY_MS = 1000;

/** The requests of one deployment and the replicas that take them: who gets the next one, and who waits. */
export class Traffic {
  readonly #options: TrafficOptions;
  readonly #now: () => number;
  readonly #backends: Backend[] = [];
  readonly #draining = new Set<Backend>();
  readonly #line: WaitingLine<Lease>;
  readonly #minute: SlidingMinute;
  readonly #counters = new TrafficCounters();
  readonly #meter: LoadMeter;
  #inFlight = 0;
  /** Where the search for the least loaded begins: equals take turns. */
  #turn = 0;
  #refusal: HostError | TrafficRetired | null = null;

  constructor(options: TrafficOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#line = new WaitingLine(options.maxWaiting);
    this.#minute = new SlidingMinute(this.#now());
    this.#meter = new LoadMeter(this.#now());
  }

  /** Requests that are with a replica now; those with replicas that drain count, too. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Requests that wait for a replica. */
  get queued(): number {
    return this.#line.length;
  }

  /** Those that take requests. */
  backends(): { id: string; inFlight: number }[] {
    return this.#backends.map(({ id, inFlight }) => ({ id, inFlight }));
  }

  /** Takes requests at once. One that is being removed is taken back, and its `remove` resolves. */
  add(backend: { id: string; address: Address }): void {
    const { id, address } = backend;
    const known = this.#backends.find((one) => one.id === id);
    if (known !== undefined && isSameAddress(known.client.address, address)) return;
    if (known) void this.remove(id);
    const old = [...this.#draining].find(
      (one) => one.id === id && isSameAddress(one.client.address, address),
    );
    if (old) {
      this.#draining.delete(old);
      old.drained?.resolve();
      old.drained = null;
      old.downUntil = 0;
    }
    this.#backends.push(
      old ?? {
        id,
        client: new ReplicaClient(address),
        inFlight: 0,
        downUntil: 0,
        refusals: 0,
        drained: null,
      },
    );
    this.#serve();
  }

  /** Gets no request from now on; resolves when the last of those that it has is over. */
  remove(id: string): Promise<void> {
    const index = this.#backends.findIndex((one) => one.id === id);
    if (index === -1) {
      const draining = [...this.#draining].filter((one) => one.id === id);
      return Promise.all(draining.map((one) => one.drained?.promise)).then(() => undefined);
    }
    const [backend] = this.#backends.splice(index, 1) as [Backend];
    if (backend.inFlight === 0) {
      backend.client.close();
      return Promise.resolve();
    }
    let resolve = (): void => undefined;
    const promise = new Promise<void>((done) => (resolve = done));
    backend.drained = { promise, resolve };
    this.#draining.add(backend);
    return promise;
  }

  /**
   * At once where a replica is there: the one with the fewest requests. Otherwise waits in line; rejects with HostError
   * OVERLOADED, WAKE_TIMEOUT, or what `refuse` was told.
   */
  acquire(options: AcquireOptions = {}): Lease | Promise<Lease> {
    return this.#next() ?? this.#wait(options);
  }

  /** No replica will come: who waits is told, and so is who comes. Null takes it back. */
  refuse(error: HostError | null): void {
    this.#refusal = error;
    if (error !== null) this.#line.refuseAll(error);
  }

  /**
   * Another deployment has taken over, and the table says so already: who waits here is sent there, and who comes late.
   * Requests that replicas have run to their end.
   */
  retire(): void {
    this.#refusal = new TrafficRetired();
    this.#line.refuseAll(this.#refusal);
  }

  /** Of the last minute. A duration is the time until the head of an answer. Errors are 5xx and lost replicas. */
  stats(): MinuteStats {
    return this.#minute.stats(this.#now());
  }

  /** Averages over the time since the last call: short requests between two looks count. For the autoscaler. */
  load(): Load {
    return this.#meter.take(this.#now());
  }

  metrics(): TrafficMetrics {
    return this.#counters;
  }

  async #wait({ signal, until }: AcquireOptions): Promise<Lease> {
    if (this.#refusal !== null) throw this.#refusal;
    const began = this.#now();
    const ms = Math.max(0, Math.min(this.#options.waitMs, (until ?? Infinity) - began));
    const waiting = this.#line.wait({ ms, signal: signal?.(), late: () => this.#late() });
    this.#measure();
    if (this.#backends.length === 0) this.#options.onDemand();
    try {
      return await waiting;
    } catch (error) {
      if (error instanceof HostError && error.code === "OVERLOADED") this.#counters.overloaded += 1;
      if (error instanceof HostError && error.code === "WAKE_TIMEOUT") this.#counters.wakeTimeouts += 1;
      throw error;
    } finally {
      this.#counters.waited += 1;
      this.#counters.waitedSeconds += (this.#now() - began) / 1000;
      this.#measure();
    }
  }

  #late(): HostError {
    const seconds = Math.round(this.#options.waitMs / 100) / 10;
    if (this.#backends.length > 0) {
      return new HostError("REPLICA_UNAVAILABLE", `No replica took the request within ${seconds} s.`, {
        retryAfter: 1,
        hint: "Try again later; `purlin status` and `purlin logs` tell how the replicas are.",
      });
    }
    return new HostError("WAKE_TIMEOUT", `No replica was ready within ${seconds} s.`, {
      retryAfter: 5,
      hint: "The model is still starting: try again later, or set autoscaling.min_replicas to 1 so that it never sleeps.",
    });
  }

  #serve(): void {
    if (this.#line.length === 0) return;
    this.#line.serve(() => this.#next());
    this.#measure();
  }

  #next(): Lease | null {
    const backend = this.#leastLoaded();
    if (backend === null) return null;
    backend.inFlight += 1;
    this.#inFlight += 1;
    this.#measure();
    let isOver = false;
    return {
      id: backend.id,
      client: backend.client,
      end: (outcome) => {
        if (isOver) return;
        isOver = true;
        this.#end(backend, outcome);
      },
    };
  }

  #leastLoaded(): Backend | null {
    const { length } = this.#backends;
    const limit = this.#options.maxPerReplica ?? Infinity;
    let best: Backend | null = null;
    for (let i = 0; i < length; i += 1) {
      const backend = this.#backends[(this.#turn + i) % length] as Backend;
      if (backend.inFlight >= limit || (best !== null && backend.inFlight >= best.inFlight)) continue;
      if (backend.downUntil === 0 || backend.downUntil <= this.#now()) best = backend;
    }
    if (length > 1) this.#turn = (this.#turn + 1) % length;
    return best;
  }

  #end(backend: Backend, outcome: Outcome): void {
    backend.inFlight -= 1;
    this.#inFlight -= 1;
    this.#measure();
    this.#count(outcome);
    this.#options.onOutcome?.(backend.id, outcome);
    if (outcome === "unreachable") this.#refused(backend);
    else if (backend.refusals > 0 && outcome !== "cancelled") {
      backend.refusals = 0;
      backend.downUntil = 0;
    }
    if (backend.drained !== null && backend.inFlight === 0) {
      this.#draining.delete(backend);
      backend.client.close();
      backend.drained.resolve();
    }
    this.#serve();
  }

  #count(outcome: Outcome): void {
    const counters = this.#counters;
    if (outcome === "cancelled") counters.cancelled += 1;
    else if (outcome === "unreachable") counters.retried += 1;
    else if (outcome === "lost") {
      counters.lost += 1;
      this.#minute.add(this.#now(), null, true);
    } else {
      counters.answered(outcome.status, outcome.ms);
      this.#minute.add(this.#now(), outcome.ms, outcome.status >= 500);
    }
  }

  /** It may be starting again, or be on its way out of here: others first, and later itself again. */
  #refused(backend: Backend): void {
    const ms = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** backend.refusals);
    backend.refusals += 1;
    backend.downUntil = this.#now() + ms;
    setTimeout(() => this.#serve(), ms + 1).unref();
  }

  #measure(): void {
    this.#meter.set(this.#now(), this.#inFlight, this.#line.length);
  }
}
