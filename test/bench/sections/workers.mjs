/** A predict that computes for 5 ms, in one model process and in two: how much of the second core is used. */
import { compare, rounds } from "../lib/measure.mjs";
import { atLeast, atMost, row } from "../lib/report.mjs";
import { median, spread } from "../lib/stats.mjs";

export const title = "two model processes of a 5 ms CPU-bound predict, against one";

export async function run(context) {
  const servers = {
    two: await context.startModel("compute", { settings: { workers: 2 } }),
    one: await context.startModel("compute", { settings: { workers: 1 } }),
  };
  const measured = (server) => () =>
    context.client.run({
      port: server.port,
      path: server.bare ? "/spin" : "/predict",
      body: "json_1k",
      connections: 16,
      ms: context.sliceMs * 3,
    });
  const records = await rounds(context.rounds, { two: measured(servers.two), one: measured(servers.one) });
  await Promise.all(Object.values(servers).map((server) => server.stop()));
  const fairness = records.two.map((record) => record.latency_p99 / record.latency_p50);
  return [
    row({
      figure: "workers: 2, c=16: requests/s",
      unit: "/s",
      ...compare(records.two, records.one, (record) => record.per_second),
      target: atLeast(1.85),
      note: "the load generator and the front share the two cores with it",
    }),
    row({
      figure: "workers: 2, c=16: p99 / p50",
      unit: "",
      ours: median(fairness),
      spread: spread(fairness),
      target: atMost(1.5, "ours"),
    }),
  ];
}
