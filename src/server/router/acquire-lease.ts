import { type AcquireOptions, type Lease, type Traffic, TrafficRetired } from "./traffic.ts";

/** Switches that one request may wait through. */
const MOST_MOVES = 20;

/** A replica of what serves now, at once where one is free; who waits while another deployment takes over goes there. */
export function acquireLease(resolve: () => Traffic, options: AcquireOptions): Lease | Promise<Lease> {
  const lease = resolve().acquire(options);
  return lease instanceof Promise ? follow(lease, resolve, options) : lease;
}

async function follow(
  first: Promise<Lease>,
  resolve: () => Traffic,
  options: AcquireOptions,
): Promise<Lease> {
  let lease: Lease | Promise<Lease> = first;
  for (let moves = 0; ; moves += 1) {
    try {
      return await lease;
    } catch (error) {
      if (!(error instanceof TrafficRetired) || moves === MOST_MOVES) throw error;
      lease = resolve().acquire(options);
    }
  }
}
