/** What it costs to keep watching: memory over many saves, and a large tree in which nothing happens. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startHost } from "../lib/host.mjs";
import { cpuSeconds, pssAloneMegabytes, rssMegabytes } from "../lib/proc.mjs";
import { atMost, row } from "../lib/report.mjs";
import { makeProject, modelFile, nameOf, plainModel } from "./projects.mjs";
import { measureChange, writing } from "./save.mjs";
import { startPushing, startServing } from "./target.mjs";

const FILES = 50_000;
const FILES_A_FOLDER = 200;
const IDLE_MS = 20_000;
/** It has settled when it used less than this of a core for SETTLED_MS. */
const SETTLED_SHARE = 0.05;
const SETTLED_MS = 3000;
const SETTLE_LIMIT_MS = 60_000;

export async function costRows(context) {
  const host = await startHost(context.root, "watch-cost-host");
  const rows = [
    await growth("serve --watch", context, (dir, log) => startServing(dir, { log })),
    await growth("push --watch and its host", context, (dir, log) =>
      startPushing(host, dir, { log, model: nameOf(dir) }),
    ),
  ];
  await host.stop();
  return [...rows, ...(await idleTree(context))];
}

/** Of all processes together: the command, the host, fronts and models. */
async function growth(name, context, start) {
  const [few, many] = context.quick ? [5, 20] : [10, 100];
  const dir = makeProject(join(context.root, `watch-growth-${name.slice(0, 4)}`), {
    "model/model.ts": plainModel(0),
  });
  const target = await start(dir, `${dir}.log`);
  const taken = {};
  for (let edit = 1; edit <= many; edit += 1) {
    const act = writing(modelFile(dir), plainModel(edit));
    await measureChange(target, { act, version: edit });
    if (edit !== few && edit !== many) continue;
    const pids = target.pids();
    taken[edit] = { alone: pssAloneMegabytes(pids), rss: rssMegabytes(pids), processes: pids.length };
  }
  await target.stop();
  const rss = `RSS ${taken[few].rss.toFixed(0)} and ${taken[many].rss.toFixed(0)} MB`;
  const ratio = taken[many].alone / taken[few].alone;
  return row({
    figure: `${name}: memory after ${many} saves, against after ${few}`,
    unit: "MB",
    ours: taken[many].alone,
    bare: taken[few].alone,
    ratio: { median: ratio, min: ratio, max: ratio },
    note: `PSS as if alone; ${rss}, ${taken[many].processes} processes`,
  });
}

async function idleTree(context) {
  const dir = makeProject(join(context.root, "watch-large"), { "model/model.ts": plainModel(0) });
  for (let at = 0; at < FILES; at += 1) {
    const folder = join(dir, "data", String(Math.floor(at / FILES_A_FOLDER)));
    if (at % FILES_A_FOLDER === 0) mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${at}.txt`), `file ${at}\n`);
  }
  const target = await startServing(dir, { log: `${dir}.log` });
  await settled(target.pid);
  const pids = target.pids();
  const before = { own: cpuSeconds([target.pid]), all: cpuSeconds(pids), at: performance.now() };
  await delay(IDLE_MS);
  const percent = (seconds) => (seconds / (performance.now() - before.at)) * 100_000;
  const own = percent(cpuSeconds([target.pid]) - before.own);
  const all = percent(cpuSeconds(pids) - before.all);
  const rss = rssMegabytes([target.pid]);
  const tree = rssMegabytes(pids);
  await target.stop();
  const figure = (what) => `serve --watch of ${FILES.toLocaleString("en-US")} files, idle: ${what}`;
  return [
    row({
      figure: figure("CPU"),
      unit: "%",
      ours: own,
      target: atMost(1, "ours"),
      note: `of a core over ${IDLE_MS / 1000} s; ${all.toFixed(2)} % with front and model`,
    }),
    row({
      figure: figure("RSS"),
      unit: "MB",
      ours: rss,
      target: atMost(157, "ours"),
      note: `150 MiB; ${tree.toFixed(0)} MB with front and model`,
    }),
  ];
}

async function settled(pid) {
  const deadline = performance.now() + SETTLE_LIMIT_MS;
  for (;;) {
    const before = cpuSeconds([pid]);
    await delay(SETTLED_MS);
    if ((cpuSeconds([pid]) - before) * 1000 < SETTLED_SHARE * SETTLED_MS) return;
    if (performance.now() > deadline) return;
  }
}
