/** HTTP echo: 1 KB JSON at concurrency 1, 16 and 64, 10 MB JSON, raw bytes. */
import { mkdtempSync, openSync, closeSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { checkAnswer, sameBytes } from "../lib/check-answer.mjs";
import { compare, rounds, slice } from "../lib/measure.mjs";
import { atLeast, atMost, row } from "../lib/report.mjs";

export const title = "HTTP echo, request logs on, against bare node:http doing the same";

export async function run(context) {
  return [...(await smallJson(context)), ...(await large(context)), ...(await rawBytes(context))];
}

async function smallJson(context) {
  const merged = new Map([1, 16, 64].map((connections) => [connections, { bare: [], file: [], pipe: [] }]));
  // Two sets of processes: what the compiler makes of the same code differs from one start to the next.
  for (let generation = 0; generation < 2; generation += 1) {
    const pipe = unreadPipe(context.root);
    const servers = {
      bare: await context.startBare(),
      file: await context.startModel("echo", { stderr: join(context.root, "requests.log") }),
      pipe: await context.startModel("echo", { stderr: pipe.fd }),
    };
    pipe.close();
    for (const server of Object.values(servers)) {
      await checkAnswer(server, { path: pathOf(server), body: "json_1k" }, sameBytes);
    }
    for (const [connections, records] of merged) {
      const measure = (server) => () =>
        slice(context.client, server, {
          path: pathOf(server),
          body: "json_1k",
          connections,
          ms: context.sliceMs,
        });
      const found = await rounds(Math.ceil(context.rounds / 2), {
        bare: measure(servers.bare),
        file: measure(servers.file),
        pipe: measure(servers.pipe),
      });
      for (const name of Object.keys(records)) records[name].push(...found[name]);
    }
    await Promise.all(Object.values(servers).map((server) => server.stop()));
  }
  return [...merged].flatMap(([connections, { bare, file, pipe }]) =>
    smallJsonRows(connections, bare, { "log to file": file, "log to unread pipe": pipe }),
  );
}

function smallJsonRows(connections, bare, variants) {
  const rows = [];
  for (const [log, ours] of Object.entries(variants)) {
    const add = (figure, unit, pick, target) =>
      rows.push(
        row({
          figure: `1 KB JSON, c=${connections}, ${log}: ${figure}`,
          unit,
          ...compare(ours, bare, pick),
          target,
          note: disturbance([...ours, ...bare]),
        }),
      );
    if (connections === 1) {
      add("p50", "ms", (record) => record.latency_p50, atMost(2));
      add("p99", "ms", (record) => record.latency_p99, null);
    } else {
      add("requests/s", "/s", (record) => record.per_second, atLeast(0.6));
      add("CPU a request", "µs", (record) => record.cpu_us, connections === 64 ? atMost(2.5) : null);
    }
  }
  return rows;
}

async function large(context) {
  const servers = { bare: await context.startBare(), ours: await context.startModel("echo") };
  const rows = [
    await largeRow(context, servers, {
      body: "json_10mb_string",
      figure: "10 MB JSON, one string, c=1: mean",
      count: 8,
      target: atMost(1.2),
    }),
    await largeRow(context, servers, {
      body: "json_10mb_floats",
      figure: "10 MB JSON, 545,000 floats, c=1: mean",
      count: 4,
      target: atMost(1.15),
    }),
  ];
  await Promise.all([servers.bare.stop(), servers.ours.stop()]);
  return rows;
}

async function rawBytes(context) {
  const large = { bare: await context.startBare(), ours: await context.startModel("bytes") };
  const rows = [
    await largeRow(context, large, { body: "bytes_10mb", figure: "10 MB raw bytes, c=1: mean", count: 40 }),
  ];
  await Promise.all([large.bare.stop(), large.ours.stop()]);

  const small = { bare: await context.startBare(), ours: await context.startModel("bytes") };
  const measure = (server) => () =>
    slice(context.client, server, {
      path: pathOf(server, "/bytes"),
      body: "bytes_1k",
      connections: 16,
      ms: context.sliceMs,
    });
  const { bare, ours } = await rounds(context.rounds, {
    bare: measure(small.bare),
    ours: measure(small.ours),
  });
  await Promise.all([small.bare.stop(), small.ours.stop()]);
  const note = disturbance([...bare, ...ours]);
  const line = (figure, unit, pick) => row({ figure, unit, ...compare(ours, bare, pick), note });
  return [
    ...rows,
    line("1 KB raw bytes, c=16: requests/s", "/s", (record) => record.per_second),
    line("1 KB raw bytes, c=16: CPU a request", "µs", (record) => record.cpu_us),
  ];
}

/** Few requests a slice and many rounds: one collection of garbage moves a single answer by a third. */
async function largeRow(context, servers, { body, figure, count, target = null }) {
  const bareOnly = body.startsWith("bytes") ? "/bytes" : "/echo";
  for (const server of [servers.bare, servers.ours]) {
    await checkAnswer(server, { path: pathOf(server, bareOnly), body }, sameBytes);
  }
  const measure = (server) => () =>
    slice(context.client, server, { path: pathOf(server, bareOnly), body, connections: 1, count });
  const { bare, ours } = await rounds(context.rounds * 3, {
    bare: measure(servers.bare),
    ours: measure(servers.ours),
  });
  const cpu = compare(ours, bare, (record) => record.cpu_us).ratio.median;
  const note = `CPU ${cpu.toFixed(2)} x; ${disturbance([...bare, ...ours])}`;
  return row({
    figure,
    unit: "ms",
    ...compare(ours, bare, (record) => 1000 / record.per_second),
    target,
    note,
  });
}

const pathOf = (server, bareOnly = "/echo") => (server.bare ? bareOnly : "/predict");

/** The most CPU that others used during a slice that counts: how far to trust the line. */
function disturbance(records) {
  return `others used ≤ ${Math.round(Math.max(...records.map((record) => record.foreign)) * 100)} % of a core`;
}

/** A pipe that nobody reads: it is full after 64 KiB, and a log line written to it would block from then on. */
function unreadPipe(root) {
  const path = join(mkdtempSync(join(root, "pipe-")), "log");
  execFileSync("mkfifo", [path]);
  // Read and write: opening does not wait for a reader, and the pipe never breaks.
  const fd = openSync(path, "r+");
  return { fd, close: () => closeSync(fd) };
}
