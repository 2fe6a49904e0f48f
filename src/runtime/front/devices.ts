import { RUNTIME_ENV } from "../../protocol/runtime-env.ts";

/** What a model process is told of its place among the workers, and of the accelerators that are its own. */
export interface Placement {
  /** From 0; a process that takes over from another one has its place. A spare's is beyond those of the workers. */
  place: number;
  workers: number;
  /** `resources.accelerator`: "H100", "H100:2". */
  accelerator: string | null;
}

/** What decides which devices CUDA sees. */
export const VISIBLE_DEVICES = "CUDA_VISIBLE_DEVICES";

/**
 * Environment of a model process: with several workers and several accelerators each gets its share of them, in turn
 * where there are fewer than workers. What the user has set is never overwritten.
 */
export function placementEnv(placement: Placement, given: NodeJS.ProcessEnv): Record<string, string> {
  const own = { [RUNTIME_ENV.worker]: String(placement.place) };
  if (given[VISIBLE_DEVICES] !== undefined) return own;
  const devices = devicesOf(placement);
  return devices === null ? own : { ...own, [VISIBLE_DEVICES]: devices.join(",") };
}

/** The first place that none of these has. */
export function freePlace(processes: readonly { place: number }[]): number {
  const taken = new Set(processes.map(({ place }) => place));
  let place = 0;
  while (taken.has(place)) place += 1;
  return place;
}

/** null where nothing has to be shared. */
export function devicesOf({ place, workers, accelerator }: Placement): number[] | null {
  const count = acceleratorCount(accelerator);
  if (count === 0 || workers < 2) return null;
  const share = Math.max(1, Math.floor(count / workers));
  const first = (place * share) % count;
  return Array.from({ length: share }, (_, i) => (first + i) % count);
}

function acceleratorCount(accelerator: string | null): number {
  if (accelerator === null) return 0;
  return Number(/:(\d+)$/.exec(accelerator)?.[1] ?? 1);
}
