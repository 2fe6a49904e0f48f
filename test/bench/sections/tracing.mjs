/** The echo model with traces sent to a receiver, against itself without. */
import { fileURLToPath } from "node:url";
import { checkAnswer, sameBytes } from "../lib/check-answer.mjs";
import { compare, sliceRounds } from "../lib/measure.mjs";
import { atLeast, atMost, row } from "../lib/report.mjs";
import { startServer } from "../lib/server.mjs";

export const title = "1 KB echo with OpenTelemetry traces on, against the same without";

const SINK = fileURLToPath(new URL("../yardsticks/otlp-sink.mjs", import.meta.url));

export async function run(context) {
  const sink = await startServer({ args: [SINK], healthPath: "/count" });
  const endpoint = {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${sink.port}`,
    OTEL_METRICS_EXPORTER: "none",
  };
  const servers = {
    off: await context.startModel("echo"),
    every: await context.startModel("echo", { env: endpoint }),
    hundredth: await context.startModel("echo", {
      env: { ...endpoint, OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.01" },
    }),
  };
  const pathOf = (server) => (server.bare ? "/echo" : "/predict");
  for (const server of Object.values(servers))
    await checkAnswer(server, { path: pathOf(server), body: "json_1k" }, sameBytes);
  const measureAll = (connections) => sliceRounds(context, servers, { connections });
  const one = await measureAll(1);
  const sixteen = await measureAll(16);
  const received = Number(await (await fetch(`http://127.0.0.1:${sink.port}/count`)).text());
  await Promise.all(Object.values(servers).map((server) => server.stop()));
  await sink.stop();
  if (!servers.every.bare && received === 0) throw new Error("no span reached the receiver");

  const rowsOf = (name, text, targets) => [
    row({
      figure: `${text}, c=1: p50`,
      unit: "ms",
      ...compare(one[name], one.off, (record) => record.latency_p50),
      target: targets.latency,
    }),
    row({
      figure: `${text}, c=16: requests/s`,
      unit: "/s",
      ...compare(sixteen[name], sixteen.off, (record) => record.per_second),
      target: targets.throughput,
    }),
    row({
      figure: `${text}, c=16: CPU a request`,
      unit: "µs",
      ...compare(sixteen[name], sixteen.off, (record) => record.cpu_us),
    }),
  ];
  return [
    ...rowsOf("every", "every request sampled", { latency: atMost(1.3), throughput: atLeast(0.6) }),
    ...rowsOf("hundredth", "one in a hundred sampled", { latency: atMost(1.2), throughput: atLeast(0.8) }),
  ];
}
