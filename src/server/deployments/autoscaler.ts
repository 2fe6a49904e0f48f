import type { Autoscaling } from "../../protocol/config.ts";

export interface Observation {
  /** Of a clock that never goes back. */
  atMs: number;
  /** With replicas, and waiting for one: averages since the last look. */
  inFlight: number;
  queued: number;
  ready: number;
}

interface Sample {
  atMs: number;
  load: number;
}

/** Load that comes faster than this is answered before its window has passed. */
const PANIC_SHARE = 2;

/**
 * How many replicas there should be: the load (in flight and queued) over the target of one, averaged over the window.
 * Up at once where a short look shows twice what is there can take; down only when every look within the delay agrees.
 */
export class Autoscaler {
  readonly #config: Autoscaling;
  readonly #samples: Sample[] = [];
  /** What would have been enough, by time: the largest of the delay holds. */
  readonly #wants: Sample[] = [];
  #lastLoadAt: number | null = null;
  #wanted: number;

  constructor(config: Autoscaling) {
    this.#config = config;
    this.#wanted = Math.max(1, config.min_replicas);
  }

  /** The number wanted from now on. */
  observe({ atMs, inFlight, queued, ready }: Observation): number {
    const { min_replicas: least, max_replicas: most, concurrency_target: target } = this.#config;
    const windowMs = this.#config.window_seconds * 1000;
    const delayMs = this.#config.scale_down_delay_seconds * 1000;
    const load = inFlight + queued;
    this.#lastLoadAt ??= atMs;
    if (load > 0) this.#lastLoadAt = atMs;
    this.#samples.push({ atMs, load });
    drop(this.#samples, atMs - windowMs);
    const average = this.#samples.reduce((sum, each) => sum + each.load, 0) / this.#samples.length;
    const recent = this.#samples.slice(-3);
    const peak = recent.reduce((sum, each) => sum + each.load, 0) / recent.length;
    const steady = average / target;
    const sudden = peak / target;
    const needed = Math.ceil(sudden >= PANIC_SHARE * Math.max(1, ready) ? sudden : steady);
    this.#wants.push({ atMs, load: Math.min(most, Math.max(least, needed, load > 0 ? 1 : 0)) });
    drop(this.#wants, atMs - delayMs);
    const highest = Math.max(...this.#wants.map((each) => each.load));
    const idle = atMs - this.#lastLoadAt >= delayMs;
    // Not a request for a whole delay: whatever averages remember, nobody needs any. Until then one stays awake.
    this.#wanted = idle ? least : Math.max(1, highest);
    return Math.max(least, Math.min(most, this.#wanted));
  }
}

function drop(samples: Sample[], before: number): void {
  while (samples.length > 1 && (samples[0] as Sample).atMs < before) samples.shift();
}
