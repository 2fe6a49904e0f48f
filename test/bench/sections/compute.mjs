/** 16 clients of a predict that computes for 5 ms: does health still answer, and how much of a core is used. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startLoadClient } from "../lib/load-client.mjs";
import { rounds } from "../lib/measure.mjs";
import { atLeast, atMost, row } from "../lib/report.mjs";
import { median, spread } from "../lib/stats.mjs";

export const title = "16 clients of a 5 ms CPU-bound predict";

const SPIN_LOOP = fileURLToPath(new URL("../yardsticks/spin-loop.mjs", import.meta.url));
const HEALTH = "/health/ready";

export async function run(context) {
  const ms = context.sliceMs * 3;
  const prober = startLoadClient();
  const bare = await context.startBare();
  const ours = await context.startModel("compute");
  const probe = (server, keepAlive) =>
    prober.run({ kind: "probe", port: server.port, path: HEALTH, keepAlive, every_ms: 7, ms });
  const load = (server) =>
    context.client.run({
      port: server.port,
      path: server.bare ? "/spin" : "/predict",
      body: "json_1k",
      connections: 16,
      ms,
    });
  const loaded = async (server, keepAlive) => {
    const [work, health] = await Promise.all([load(server), probe(server, keepAlive)]);
    return { ...work, health };
  };
  const records = await rounds(context.rounds, {
    // What this machine allows at best: an idle server's health while another process computes.
    ceiling: async () => {
      const [perSecond, health] = await Promise.all([ceiling(ms), probe(bare, false)]);
      return { per_second: perSecond, health };
    },
    fresh: () => loaded(ours, false),
    kept: () => loaded(ours, true),
  });
  const starved = await loaded(bare, false);
  await Promise.all([bare.stop(), ours.stop(), prober.stop()]);
  return rowsOf(records, starved);
}

function rowsOf({ ceiling, fresh, kept }, starved) {
  const p99 = (record) => record.health.latency_p99;
  const healthRow = (figure, records) => {
    const values = records.map(p99);
    return row({
      figure,
      unit: "ms",
      ours: median(values),
      bare: median(ceiling.map(p99)),
      spread: spread(values),
      target: atMost(4, "ours"),
      note: `yardstick: an idle node:http while another process computes; the loaded one: ${Math.round(p99(starved))} ms`,
    });
  };
  const all = [...fresh, ...kept];
  const throughput = all.map(
    (record, index) => record.per_second / ceiling[index % ceiling.length].per_second,
  );
  const fairness = all.map((record) => record.latency_p99 / record.latency_p50);
  return [
    healthRow("health p99, a new connection each time", fresh),
    healthRow("health p99, connection kept", kept),
    row({
      figure: "throughput of the same load",
      unit: "/s",
      ours: median(all.map((record) => record.per_second)),
      bare: median(ceiling.map((record) => record.per_second)),
      ratio: spread(throughput),
      target: atLeast(0.95),
      note: "yardstick: the same work in a loop, one core's ceiling",
    }),
    row({
      figure: "p99 / p50 of the same load",
      unit: "",
      ours: median(fairness),
      spread: spread(fairness),
      bare: starved.latency_p99 / starved.latency_p50,
      target: atMost(1.1, "ours"),
      note: "yardstick: node:http that computes on its own thread",
    }),
  ];
}

async function ceiling(ms) {
  const { stdout } = await promisify(execFile)(process.execPath, [SPIN_LOOP, String(ms)]);
  return Number(stdout);
}
