/**
 * Slices and rounds. This machine is shared, so single figures mean little: every round measures all variants
 * one after the other, in turning order, a ratio is taken within a round, and the median of the ratios is shown.
 */
import { cpuSeconds, machineBusySeconds } from "./proc.mjs";
import { median, spread } from "./stats.mjs";

/** A slice with more of one core than this used by others is measured again, up to RETRIES times. */
const FOREIGN_LIMIT = 0.2;
const RETRIES = 3;

/** Runs one job against one server; adds CPU per request of the server's processes and the CPU that others used. */
export async function slice(client, server, job) {
  let best = null;
  for (let attempt = 0; attempt <= RETRIES; attempt += 1) {
    const ours = [...server.pids, client.pid, process.pid];
    const before = {
      cpu: server.cpu(),
      all: cpuSeconds(ours),
      busy: machineBusySeconds(),
      at: performance.now(),
    };
    const result = await client.run({ port: server.port, ...job });
    if (result.errors > 0) {
      throw new Error(
        `${result.errors} of ${result.requests} answers to ${job.path} were not 200 (${result.status})`,
      );
    }
    const seconds = (performance.now() - before.at) / 1000;
    result.cpu_us = ((server.cpu() - before.cpu) / result.requests) * 1e6;
    result.client_cpu_us /= result.requests;
    result.foreign =
      Math.max(0, machineBusySeconds() - before.busy - (cpuSeconds(ours) - before.all)) / seconds;
    if (best === null || result.foreign < best.foreign) best = result;
    if (best.foreign <= FOREIGN_LIMIT) break;
  }
  return best;
}

/**
 * `variants` maps a name to a function that measures it once. After one unrecorded pass each, `count` rounds.
 * Returns the records by name, index = round.
 */
export async function rounds(count, variants, { warmUp = true } = {}) {
  const names = Object.keys(variants);
  const records = Object.fromEntries(names.map((name) => [name, []]));
  if (warmUp) for (const name of names) await variants[name]();
  for (let round = 0; round < count; round += 1) {
    const order = round % 2 === 0 ? names : names.toReversed();
    for (const name of order) records[name].push(await variants[name]());
  }
  return records;
}

/** Rounds of slices of several servers that answer the same: `job` says with what and how many at once. */
export function sliceRounds(context, servers, job) {
  const variants = Object.entries(servers).map(([name, server]) => [
    name,
    () =>
      slice(context.client, server, {
        path: server.bare ? "/echo" : "/predict",
        body: "json_1k",
        ms: context.sliceMs,
        ...job,
      }),
  ]);
  return rounds(context.rounds, Object.fromEntries(variants));
}

/** `pick` of A over `pick` of B within each round: median and spread, with both medians beside. */
export function compare(ours, bare, pick) {
  const ratios = ours.map((record, round) => pick(record) / pick(bare[round]));
  return { ours: median(ours.map(pick)), bare: median(bare.map(pick)), ratio: spread(ratios) };
}
