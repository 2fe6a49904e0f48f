import type { DeploymentRow } from "./deployment-row.ts";
import type { LiveDeployment } from "./live-deployment.ts";

interface Rollout {
  live: LiveDeployment;
  percent: number;
  /** No replica of it is there, for so many looks in a row, and so long that its share goes elsewhere. */
  awayTicks: number;
  isAway: boolean;
}

/** What an environment has in memory: who serves, who is to serve, who takes a share, who still ends its requests. */
export class LiveEnvironment {
  serving: LiveDeployment | null = null;
  incoming: LiveDeployment | null = null;
  #rollout: Rollout | null = null;
  readonly #draining = new Set<LiveDeployment>();
  /** Grows by `percent` with each request: at 100 the new one gets it, so that a share is exact. */
  #share = 0;
  #work: Promise<void> = Promise.resolve();
  #current: { id: string; abort: AbortController } | null = null;
  #stopped = false;

  get rollout(): Rollout | null {
    return this.#rollout;
  }

  startRollout(live: LiveDeployment, percent: number): void {
    this.#rollout = { live, percent, awayTicks: 0, isAway: false };
    this.#share = 0;
  }

  endRollout(): void {
    this.#rollout = null;
  }

  switchTo(live: LiveDeployment): void {
    this.serving = live;
    if (this.#rollout?.live === live) this.#rollout = null;
  }

  /** Who gets the next request. */
  pick(): LiveDeployment | null {
    if (this.#rollout === null || (this.#rollout.isAway && this.serving !== null)) return this.serving;
    this.#share += this.#rollout.percent;
    if (this.#share < 100) return this.serving;
    this.#share -= 100;
    return this.#rollout.live;
  }

  find(id: string): LiveDeployment | null {
    return this.all().find(({ row }) => row.id === id) ?? null;
  }

  all(): LiveDeployment[] {
    return [this.serving, this.#rollout?.live ?? null].filter((live) => live !== null);
  }

  /** With those that are on their way in. */
  started(): LiveDeployment[] {
    return this.incoming === null ? this.all() : [...this.all(), this.incoming];
  }

  /** A new one begins with as many as the one that it relieves has, or with its share of them. */
  replicasFor({ rollout }: DeploymentRow): number {
    return Math.ceil(((this.serving?.wanted ?? 0) * (rollout ?? 100)) / 100);
  }

  /** One at a time; the newest wins: what is under way is told to stop, what waits is never begun. */
  enqueue(id: string, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    if (this.#stopped) return this.#work;
    this.#current?.abort.abort();
    const abort = new AbortController();
    const entry = { id, abort };
    this.#current = entry;
    this.#work = this.#work
      .then(() => work(abort.signal))
      .catch(() => undefined)
      .finally(() => {
        if (this.#current === entry) this.#current = null;
      });
    return this.#work;
  }

  get isBusy(): boolean {
    return this.#current !== null;
  }

  /** Resolves once it has given up; at once where it is not under way. */
  async cancel(id: string): Promise<void> {
    if (this.#current?.id !== id) return;
    this.#current.abort.abort();
    await this.#work;
  }

  drain(live: LiveDeployment, graceMs: number): void {
    this.#draining.add(live);
    void live.end({ graceMs }).finally(() => this.#draining.delete(live));
  }

  /** For the time being: the host ends. */
  stop(options: { graceMs?: number } = {}): Promise<void> {
    return this.#stop((live) => live.leave(options));
  }

  /** For good. Who waits here is sent back to the table. */
  end(): Promise<void> {
    for (const { traffic } of this.all()) traffic.retire();
    return this.#stop((live) => live.end());
  }

  async #stop(stop: (live: LiveDeployment) => Promise<void>): Promise<void> {
    this.#stopped = true;
    this.#current?.abort.abort();
    await this.#work;
    await Promise.all([...this.all(), ...this.#draining].map(stop));
    this.serving = null;
    this.#rollout = null;
  }
}
