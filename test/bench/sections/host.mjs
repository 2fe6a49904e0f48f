/** The deployment server: what it adds to a request, and how fast deployments change. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runNode } from "../lib/command.mjs";
import { KEY, startHost } from "../lib/host.mjs";
import { compare, rounds, slice } from "../lib/measure.mjs";
import { atLeast, atMost, row } from "../lib/report.mjs";
import { median, spread } from "../lib/stats.mjs";

export const title = "the deployment server, against the packed runtime alone";

const ECHO = readFileSync(new URL("../models/echo.mjs", import.meta.url), "utf8");
const IDLE = new URL("../load/idle-deployments.mjs", import.meta.url).pathname;

export async function run(context) {
  const host = await startHost(context.root);
  try {
    return [
      ...(await added(context, host)),
      ...(await changes(context, host)),
      ...(await coldStart(context, host)),
      ...(await idle(context)),
    ];
  } finally {
    await host.stop();
  }
}

function project(context, name, config) {
  const dir = join(context.root, name);
  mkdirSync(join(dir, "model"), { recursive: true });
  writeFileSync(join(dir, "config.yaml"), `model_name: ${name}\n${config}`);
  writeFileSync(join(dir, "model/model.ts"), `// @ts-nocheck\n${ECHO}`);
  return dir;
}

async function added(context, host) {
  // As many cores as the runtime alone has: a limit is no cost of the way there.
  const dir = project(context, "echo", "resources: {cpu: '2'}\n");
  await host.json(["push", dir]);
  const alone = await context.startModel("echo", { stderr: join(context.root, "alone.log") });
  const rows = [];
  for (const connections of [1, 64]) {
    const measure = (server, path, key) => () =>
      slice(context.client, server, { path, key, body: "json_1k", connections, ms: context.sliceMs });
    const found = await rounds(context.rounds * 2, {
      bare: measure(alone, "/predict"),
      ours: measure(host, "/models/echo/production/predict", KEY),
    });
    if (connections === 1) {
      const p50 = (record) => record.latency_p50;
      const more = found.ours.map((record, at) => p50(record) - p50(found.bare[at]));
      rows.push(
        row({
          figure: "1 KB JSON, c=1: p50 that the host adds, against the runtime's own",
          unit: "ms",
          ours: median(more),
          bare: median(found.bare.map(p50)),
          ratio: spread(more.map((ms, at) => ms / p50(found.bare[at]))),
          // Or at most as much again as the runtime itself takes, where that is more.
          target: atMost(0.35, "ours"),
          spread: spread(more),
        }),
      );
    } else {
      rows.push(
        row({
          figure: "1 KB JSON, c=64: requests/s",
          unit: "/s",
          ...compare(found.ours, found.bare, (record) => record.per_second),
          target: atLeast(0.45),
        }),
      );
    }
  }
  await alone.stop();
  return rows;
}

/** Whole commands, from the start of their process to its end. */
async function changes(context, host) {
  const dir = project(context, "edited", "");
  await host.json(["push", dir]);
  const push = [];
  const back = [];
  for (let round = 0; round < context.rounds; round += 1) {
    writeFileSync(join(dir, "model/model.ts"), `// @ts-nocheck\n${ECHO}\nexport const round = ${round};\n`);
    push.push((await host.json(["push", dir])).ms);
    back.push((await host.json(["rollback", "edited"])).ms);
  }
  const line = (figure, values, limit) =>
    row({ figure, unit: "ms", ours: median(values), spread: spread(values), target: atMost(limit, "ours") });
  return [
    line("push of an edit to live, the whole command", push, 1500),
    line("rollback to live, the whole command", back, 500),
  ];
}

/** From nothing running: the request that wakes a model, against the start of its runtime. */
async function coldStart(context, host) {
  const config = "autoscaling: {min_replicas: 0, scale_down_delay_seconds: 1}\nresources: {cpu: '2'}\n";
  await host.json(["push", project(context, "sleeper", config)]);
  const asleep = async () => {
    for (;;) {
      const { answer } = await host.json(["status", "sleeper"]);
      if (answer.environments[0].state === "SCALED_TO_ZERO") return;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  };
  const records = await rounds(context.rounds, {
    bare: async () => {
      const server = await context.startModel("echo");
      await server.stop();
      return { ms: server.readyMs };
    },
    ours: async () => {
      await asleep();
      const began = performance.now();
      const answer = await host.predict("sleeper", { a: 1 });
      if (answer.status !== 200) throw new Error(`the sleeping model answered ${answer.status}`);
      return { ms: performance.now() - began };
    },
  });
  return [
    row({
      figure: "the first request of a model that sleeps: answered",
      unit: "ms",
      ...compare(records.ours, records.bare, (record) => record.ms),
      target: atMost(3),
    }),
  ];
}

/** The same host with one deployment and with a thousand that sleep. */
async function idle(context) {
  const records = { one: [], thousand: [] };
  const first = await startHost(context.root, "idle-one");
  await first.json(["push", project(context, "idle", "autoscaling: {min_replicas: 0}\n")]);
  await first.stop();
  const thousand = join(context.root, "idle-thousand-data");
  cpSync(first.data, thousand, { recursive: true });
  cpSync(join(context.root, "idle-one-home"), join(context.root, "idle-thousand-home"), { recursive: true });
  await runNode(["--import", "tsx", IDLE, thousand, "1000"]);
  for (let round = 0; round < Math.max(3, Math.ceil(context.rounds / 2)); round += 1) {
    for (const name of ["one", "thousand"]) {
      const host = await startHost(context.root, `idle-${name}`);
      records[name].push({ ready: host.readyMs, memory: host.pssAlone() });
      await host.stop();
    }
  }
  const line = (figure, unit, pick) =>
    row({
      figure,
      unit,
      ...compare(records.thousand, records.one, pick),
      note: "yardstick: the same host with one",
    });
  return [
    line("1,000 idle deployments: the host's start to ready", "ms", (record) => record.ready),
    line("1,000 idle deployments: the host's memory", "MB", (record) => record.memory),
  ];
}
