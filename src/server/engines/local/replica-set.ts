import { randomBytes } from "node:crypto";
import { probeReady } from "../../../client/probe-ready.ts";
import type { Address } from "../../../protocol/address.ts";
import type { Generation } from "../../../protocol/control.ts";
import type { DeploymentError } from "../../../protocol/host-api.ts";
import { asDeploymentError } from "../../replicas/deployment-error.ts";
import type { GroupHooks, SeenReplica } from "../../replicas/engine.ts";
import type { Replica, ReplicaSpec, StartReplica } from "./replica.ts";

/** All in milliseconds. */
export interface ReplicaTiming {
  probeEvery: number;
  probeTimeout: number;
  /** Missed probes in a row until it gets no more requests, and until it is replaced. */
  missesToLeave: number;
  missesToReplace: number;
  firstBackOff: number;
  longestBackOff: number;
  /** Healthy for so long: earlier failures are forgotten. */
  forgiveAfter: number;
  /** For requests under way when a replica is taken away. */
  drain: number;
}

export const REPLICA_TIMING: ReplicaTiming = {
  probeEvery: 2000,
  probeTimeout: 2000,
  missesToLeave: 3,
  missesToReplace: 15,
  firstBackOff: 500,
  longestBackOff: 30_000,
  forgiveAfter: 60_000,
  drain: 75_000,
};

/** Starts in a row that may fail before the set says that it has failed; it goes on trying. */
const FAILURES_TO_TELL = 5;
/** Loading takes whole cores: more at once would only keep each other from becoming ready. */
const STARTS_AT_ONCE = 4;
/** Requests in a row that a replica has lost until it is not believed any more, whatever its probes say. */
const LOSSES_TO_REPLACE = 20;

export interface ReplicaSetOptions extends Omit<GroupHooks, "onTrouble"> {
  start: StartReplica;
  /** Everything but the id; asked for at each start. */
  spec(): Omit<ReplicaSpec, "id">;
  timing?: ReplicaTiming | undefined;
}

interface Member {
  id: string;
  replica: Replica;
  state: "starting" | "loading" | "ready" | "draining";
  address: Address | null;
  misses: number;
  losses: number;
  readySince: number | null;
  since: Date;
  gone: boolean;
}

/** The replicas of one deployment: as many as are wanted, replaced when they fail, with growing pauses. */
export class ReplicaSet {
  /** The first replica is ready; rejects with the model's own error where the first one cannot be loaded. */
  readonly firstReady: Promise<void>;
  readonly #options: ReplicaSetOptions;
  readonly #timing: ReplicaTiming;
  readonly #members = new Set<Member>();
  readonly #prober: NodeJS.Timeout;
  #wanted = 0;
  /** Ends since one was well for a while: they lengthen the pauses. */
  #failures = 0;
  /** Starts in a row that have not become ready. */
  #failedStarts = 0;
  #restarts = 0;
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;
  #provenAt: number | null = null;
  #lastError: DeploymentError | null = null;
  #resolveFirst!: () => void;
  #rejectFirst!: (error: unknown) => void;

  constructor(options: ReplicaSetOptions) {
    this.#options = options;
    this.#timing = options.timing ?? REPLICA_TIMING;
    this.firstReady = new Promise((resolve, reject) => {
      this.#resolveFirst = resolve;
      this.#rejectFirst = reject;
    });
    this.firstReady.catch(() => undefined);
    this.#prober = setInterval(() => this.#probeAll(), this.#timing.probeEvery);
    this.#prober.unref();
  }

  get wanted(): number {
    return this.#wanted;
  }

  get ready(): number {
    return [...this.#members].filter(
      ({ state, misses }) => state === "ready" && misses < this.#timing.missesToLeave,
    ).length;
  }

  /** Why replicas do not come up, for as long as they do not. */
  get lastError(): DeploymentError | null {
    return this.ready < this.#wanted ? this.#lastError : null;
  }

  /** A deployment that was live before this host was started needs no proof: its replicas are restarted if they fail. */
  assumeProven(): void {
    this.#provenAt ??= performance.now();
  }

  scale(wanted: number): void {
    if (this.#stopped) return;
    this.#wanted = wanted;
    this.#settle();
  }

  list(): SeenReplica[] {
    return [...this.#members].map((member) => ({
      id: member.id,
      state: member.state,
      in_flight: this.#options.inFlight(member.id),
      restarts: this.#restarts,
      place: member.replica.place,
      rss_bytes: member.replica.stats()?.rssBytes ?? null,
      since: member.since.toISOString(),
    }));
  }

  setSecrets(secrets: Record<string, string>): void {
    for (const { replica } of this.#members) replica.setSecrets(secrets);
  }

  /**
   * Puts the methods of another package on every ready replica, or on none; those that are not ready start anew.
   * Returns how many replicas have them. Throws what the first one said that did not take them.
   */
  async swapMethods(to: Generation, back: Generation): Promise<number> {
    const ready = [...this.#members].filter(({ state }) => state === "ready");
    const results = await Promise.allSettled(ready.map(({ replica }) => replica.swapMethods(to)));
    const failed = results.find((result) => result.status === "rejected");
    if (failed === undefined) {
      // They were started with the code before, and so were those that have become ready meanwhile.
      for (const member of this.#members) {
        if (!ready.includes(member) && member.state !== "draining")
          this.#replace(member, "it has older code");
      }
      return ready.length;
    }
    const swapped = ready.filter((_member, index) => results[index]?.status === "fulfilled");
    await Promise.all(
      swapped.map(async (member) => {
        await member.replica
          .swapMethods(back)
          .catch(() => this.#replace(member, "its methods could not be put back"));
      }),
    );
    throw failed.reason;
  }

  /** Told of each request: `ok` unless its connection broke or gave no answer. A model's own errors are answers. */
  reportOutcome(id: string, ok: boolean): void {
    const member = [...this.#members].find((each) => each.id === id);
    if (member?.state !== "ready") return;
    member.losses = ok ? 0 : member.losses + 1;
    if (member.losses >= LOSSES_TO_REPLACE)
      this.#replace(member, `${member.losses} requests in a row were lost, although it says that it is well`);
  }

  async stop({ graceMs = this.#timing.drain }: { graceMs?: number } = {}): Promise<void> {
    this.#stopped = true;
    this.#wanted = 0;
    clearInterval(this.#prober);
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#rejectFirst(new Error("stopped"));
    await Promise.all([...this.#members].map((member) => this.#drain(member, graceMs)));
  }

  #settle(): void {
    const alive = [...this.#members].filter(({ state }) => state !== "draining");
    let starting = alive.filter(({ state }) => state !== "ready").length;
    for (let count = alive.length; count < this.#wanted && starting < STARTS_AT_ONCE; count++, starting++) {
      if (this.#timer !== null) break;
      try {
        this.#start();
      } catch (error) {
        // A full disk, no more processes: as if it had started and ended at once.
        this.#failed(null, error, `could not be started: ${error instanceof Error ? error.message : error}`);
      }
    }
    // Those that are not ready yet first, then the newest: the oldest have shown that they are well.
    const surplus = alive.sort(
      (a, b) => Number(a.state === "ready") - Number(b.state === "ready") || +b.since - +a.since,
    );
    for (const member of surplus.slice(0, Math.max(0, alive.length - this.#wanted))) {
      void this.#drain(member, this.#timing.drain);
    }
  }

  #start(): void {
    const id = `rep_${randomBytes(6).toString("hex")}`;
    const { start, onEvent, onLine, backends } = this.#options;
    const replica = start(
      { ...this.#options.spec(), id },
      {
        onLine: (line) => onLine(id, line),
        onEvent: (event) => {
          if (event.type === "loading" && member.state === "starting") member.state = "loading";
          if (event.type === "crashed")
            onEvent("crashed", `A model process ended: ${event.reason}`, { replica: id });
        },
      },
    );
    const member: Member = {
      id,
      replica,
      state: "starting",
      address: null,
      misses: 0,
      losses: 0,
      readySince: null,
      since: new Date(),
      gone: false,
    };
    this.#members.add(member);
    onEvent("replica-started", `Replica ${id} starts`, { replica: id });
    void replica.listening.then((address) => (member.address = address)).catch(() => undefined);
    let failure: unknown = null;
    replica.ready.then(
      async ({ load_ms }) => {
        member.address ??= await replica.listening;
        if (member.state === "draining") return;
        member.state = "ready";
        member.readySince = performance.now();
        this.#failedStarts = 0;
        this.#lastError = null;
        this.#provenAt ??= performance.now();
        backends.add({ id, address: member.address });
        onEvent("replica-ready", `Replica ${id} is ready; the model loaded in ${Math.round(load_ms)} ms`, {
          replica: id,
          load_ms,
        });
        this.#resolveFirst();
        this.#settle();
      },
      (error: unknown) => (failure = error),
    );
    void replica.exited.then(({ reason }) => this.#exited(member, reason, failure));
  }

  #exited(member: Member, reason: string, failure: unknown): void {
    const { backends } = this.#options;
    member.gone = true;
    this.#members.delete(member);
    void backends.remove(member.id);
    if (member.state === "draining" || this.#stopped) return;
    this.#failed(member, failure ?? new Error(`The replica ended: ${reason}`), `ended: ${reason}`);
  }

  /** `member` is null where not even a process could be started. */
  #failed(member: Member | null, error: unknown, what: string): void {
    const { onEvent } = this.#options;
    const readySince = member?.readySince ?? null;
    this.#lastError = asDeploymentError(error, readySince === null ? "loading" : "starting");
    if (member === null) onEvent("replica-ended", `A replica ${what}`);
    else
      onEvent("replica-ended", `Replica ${member.id} ${what}`, {
        replica: member.id,
        reason: what.replace("ended: ", ""),
      });
    if (this.#provenAt === null) {
      // Never loaded once: it is the deployment that fails, at once, with the model's own words.
      this.#wanted = 0;
      this.#rejectFirst(error);
      return;
    }
    const healthyFor = readySince === null ? 0 : performance.now() - readySince;
    if (healthyFor > this.#timing.forgiveAfter) this.#failures = 0;
    this.#failures += 1;
    this.#restarts += 1;
    if (readySince === null) this.#failedStarts += 1;
    if (this.#failedStarts === FAILURES_TO_TELL) {
      onEvent("unhealthy", `${FAILURES_TO_TELL} starts in a row have failed: ${this.#lastError.message}`);
    }
    // The first one is replaced at once.
    const pause =
      this.#failures === 1
        ? 0
        : Math.min(this.#timing.longestBackOff, this.#timing.firstBackOff * 2 ** (this.#failures - 2));
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#settle();
    }, pause);
  }

  async #drain(member: Member, graceMs: number): Promise<void> {
    if (member.state === "draining" && !member.gone) {
      await member.replica.exited;
      return;
    }
    const wasReady = member.state === "ready";
    member.state = "draining";
    if (wasReady && graceMs > 0) {
      let timer: NodeJS.Timeout | undefined;
      const limit = new Promise((resolve) => (timer = setTimeout(resolve, graceMs)));
      await Promise.race([this.#options.backends.remove(member.id), limit, member.replica.exited]);
      clearTimeout(timer);
    } else void this.#options.backends.remove(member.id);
    await member.replica.stop({ graceMs: wasReady ? Math.min(graceMs, 10_000) : 0 });
    this.#members.delete(member);
  }

  /** It serves nobody as it is: it goes at once, and another one starts. */
  #replace(member: Member, why: string): void {
    this.#options.onEvent("replica-replaced", `Replica ${member.id} is replaced: ${why}`, {
      replica: member.id,
    });
    void this.#options.backends.remove(member.id);
    member.state = "draining";
    void member.replica.stop({ graceMs: 0 });
    this.#restarts += 1;
    this.#settle();
  }

  #probeAll(): void {
    for (const member of this.#members) {
      if (member.state === "ready" && member.address !== null) void this.#probe(member, member.address);
    }
  }

  async #probe(member: Member, address: Address): Promise<void> {
    const isReady = await probeReady(address, this.#timing.probeTimeout);
    if (member.gone || member.state !== "ready") return;
    const { missesToLeave, missesToReplace } = this.#timing;
    if (isReady) {
      if (member.misses >= missesToLeave) this.#options.backends.add({ id: member.id, address });
      member.misses = 0;
      return;
    }
    member.misses += 1;
    if (member.misses === missesToLeave) {
      this.#options.onEvent("replica-unready", `Replica ${member.id} does not answer its probes`, {
        replica: member.id,
      });
      void this.#options.backends.remove(member.id);
    }
    if (member.misses >= missesToReplace)
      this.#replace(member, `${member.misses} probes in a row have failed`);
  }
}
