import type { Autoscaling } from "../../protocol/config.ts";
import { Autoscaler, type Observation } from "./autoscaler.ts";

/** How many replicas there should be: what the load asks for, and not less than was promised. */
export class WantedReplicas {
  #config: Autoscaling;
  #scaler: Autoscaler;
  /** Not fewer until then (milliseconds of performance.now()): taken over from one that had as many. */
  #floor = { replicas: 0, untilMs: 0 };
  /** Somebody works with it: one at least. */
  awake = false;

  constructor(config: Autoscaling) {
    this.#config = config;
    this.#scaler = new Autoscaler(config);
  }

  configure(config: Autoscaling): void {
    this.#config = config;
    this.#scaler = new Autoscaler(config);
  }

  /** As many as that, within the limits, until the load was seen for a while. Returns how many. */
  keepAtLeast(replicas: number): number {
    const { max_replicas, scale_down_delay_seconds } = this.#config;
    this.#floor = {
      replicas: Math.min(max_replicas, replicas),
      untilMs: performance.now() + scale_down_delay_seconds * 1000,
    };
    return this.#floor.replicas;
  }

  observe(observation: Observation): number {
    const needed = this.#scaler.observe(observation);
    const floor = observation.atMs < this.#floor.untilMs ? this.#floor.replicas : 0;
    return Math.max(needed, floor, this.awake ? 1 : 0);
  }
}
