import type { LiveDeployment } from "./live-deployment.ts";

interface Rollout {
  live: LiveDeployment;
  percent: number;
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
    this.#rollout = { live, percent };
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
    if (this.#rollout === null) return this.serving;
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

  /** One at a time; the newest wins: what is under way is told to stop, what waits is never begun. */
  enqueue(id: string, work: (signal: AbortSignal) => Promise<void>): void {
    if (this.#stopped) return;
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
  }

  get isBusy(): boolean {
    return this.#current !== null;
  }

  cancel(id: string): void {
    if (this.#current?.id === id) this.#current.abort.abort();
  }

  drain(live: LiveDeployment, graceMs: number): void {
    this.#draining.add(live);
    void live.stop({ graceMs }).finally(() => this.#draining.delete(live));
  }

  async stop(options: { graceMs?: number } = {}): Promise<void> {
    this.#stopped = true;
    this.#current?.abort.abort();
    await this.#work;
    await Promise.all([...this.all(), ...this.#draining].map((live) => live.stop(options)));
    this.serving = null;
    this.#rollout = null;
  }
}
