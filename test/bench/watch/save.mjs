/** One change of a watched project, measured from outside and split as the events tell. */
import { writeFileSync } from "node:fs";
import { median, quantile, spread } from "../lib/stats.mjs";
import { atMost, row } from "../lib/report.mjs";
import { timeToAnswer } from "./answer.mjs";

/** In place, as most editors do; the clock starts before the write. */
export const writing = (file, contents) => () => {
  const began = performance.now();
  writeFileSync(file, contents);
  return began;
};

/**
 * `{ms, phases, kind}`: `notice` is what no event can tell, from the change until the watcher has seen it; the
 * others are the phases of the event `reloaded`. What is left is the way to the client, or below zero where the
 * answer came before the event.
 */
export async function measureChange(target, { act, version }) {
  const from = target.events.length;
  const { ms, began, answer } = await timeToAnswer(target, { act, version });
  await target.next(({ type }) => type === "reloaded", { from });
  const reloaded = target.events.findLast(({ type }) => type === "reloaded");
  const notice = reloaded.at - reloaded.total_ms - began;
  return { ms, answer, kind: reloaded.kind, phases: { notice, ...reloaded.phases_ms } };
}

/** "notice 12.1, bundle 8.0, ...": the median of each phase, in ms. */
export function phasesText(records) {
  const names = [...new Set(records.flatMap(({ phases }) => Object.keys(phases)))];
  return names
    .map((name) => `${name} ${median(records.map(({ phases }) => phases[name] ?? 0)).toFixed(1)}`)
    .join(", ");
}

/** Rows of p50 and p95; the phases stand beside the first. */
export function saveRows(figure, records, { p50 = null, p95 = null, floor = null }) {
  const ms = records.map((record) => record.ms);
  const bare = (share) => (floor === null ? null : quantile(floor, share));
  const line = (name, share, limit) => ({
    figure: `${figure}: ${name}`,
    unit: "ms",
    ours: quantile(ms, share),
    bare: bare(share),
    target: limit === null ? null : atMost(limit, "ours"),
  });
  return [
    row({ ...line("p50", 0.5, p50), spread: spread(ms), note: `${ms.length} saves; ${phasesText(records)}` }),
    row(line("p95", 0.95, p95)),
  ];
}
