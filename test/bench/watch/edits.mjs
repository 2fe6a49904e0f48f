/** Saves of code, all loops in turn: ours alone and through a host, a model that loads for 5 s, and the yardsticks. */
import { join } from "node:path";
import { startHost } from "../lib/host.mjs";
import { compare } from "../lib/measure.mjs";
import { row } from "../lib/report.mjs";
import { median, spread } from "../lib/stats.mjs";
import { timeToAnswer } from "./answer.mjs";
import { makeProject, modelFile, nameOf, plainModel, slowModel, typedModel } from "./projects.mjs";
import { measureChange, phasesText, saveRows, writing } from "./save.mjs";
import { startPushing, startServing } from "./target.mjs";
import { startFloor, startTsx, startWrangler } from "./yardsticks.mjs";

const LOAD_SECONDS = 5;
const SERVE = { p50: 60, p95: 150 };
const PUSH = { p50: 120, p95: 350 };

export async function editRows(context) {
  const host = await startHost(context.root, "watch-host");
  const ours = await startOurs(context, host);
  const others = {
    floor: await startFloor(context.root),
    wrangler: await startWrangler(context.root),
    tsx: await startTsx(context.root),
  };
  const records = await inTurn(ours, others, context.quick ? 10 : 40);
  const loads = await editsOfLoad(ours, context.quick ? 2 : 5);
  const all = [...Object.values(ours), ...Object.values(others).filter((server) => server !== null)];
  await Promise.all(all.map((target) => target.stop()));
  await host.stop();
  const floor = records.floor.map(({ ms }) => ms);
  return [
    ...saveRows("serve --watch", records.serve, { ...SERVE, floor }),
    ...saveRows("push --watch", records.push, { ...PUSH, floor }),
    ...saveRows("serve --watch, an edit of types", records.typed, { ...SERVE, floor }),
    ...["serve", "push"].flatMap((name) => againstOthers(name, records)),
    ...saveRows(`serve --watch, load takes ${LOAD_SECONDS} s`, records.slowServe, { ...SERVE, floor }),
    ...saveRows(`push --watch, load takes ${LOAD_SECONDS} s`, records.slowPush, { ...PUSH, floor }),
    loadRow("serve --watch", loads.slowServe),
    loadRow("push --watch", loads.slowPush),
  ];
}

async function startOurs(context, host) {
  const started = {};
  for (const [name, start, text] of [
    ["serve", serving, plainModel(0)],
    ["push", pushing, plainModel(0)],
    ["typed", serving, typedModel(0)],
    ["slowServe", serving, slowModel({ edit: 0, loaded: 0, seconds: LOAD_SECONDS })],
    ["slowPush", pushing, slowModel({ edit: 0, loaded: 0, seconds: LOAD_SECONDS })],
  ]) {
    const dir = makeProject(join(context.root, `watch-${name.toLowerCase()}`), { "model/model.ts": text });
    const log = join(context.root, `watch-${name}.log`);
    started[name] = { ...(await start(dir, { log, host })), file: modelFile(dir), log };
  }
  return started;
}

const serving = (dir, { log }) => startServing(dir, { log });
const pushing = (dir, { log, host }) => startPushing(host, dir, { log, model: nameOf(dir) });

/** Index = round, so that each is compared with what the others took at that time. */
async function inTurn(ours, others, count) {
  const measure = Object.fromEntries([
    ...Object.entries(ours).map(([name, target]) => [
      name,
      (edit) => {
        const slow = slowModel({ edit, loaded: 0, seconds: LOAD_SECONDS });
        const quick = name === "typed" ? typedModel(edit) : plainModel(edit);
        const text = name.startsWith("slow") ? slow : quick;
        return measureChange(target, { act: writing(target.file, text), version: edit });
      },
    ]),
    ...Object.entries(others)
      .filter(([, server]) => server !== null)
      .map(([name, server]) => [
        name,
        (edit) => {
          const act = writing(server.file, server.textOf(edit));
          return timeToAnswer(server, { act, version: edit, mayFail: true });
        },
      ]),
  ]);
  const names = Object.keys(measure);
  const records = Object.fromEntries(names.map((name) => [name, []]));
  // The first of each is not counted: code that runs for the first time.
  for (const name of names) await measure[name](1);
  for (let edit = 2; edit < count + 2; edit += 1) {
    for (const name of edit % 2 === 0 ? names : names.toReversed())
      records[name].push(await measure[name](edit));
  }
  return records;
}

/** A new process has to load: what it takes beyond that. */
async function editsOfLoad({ slowServe, slowPush }, count) {
  const records = { slowServe: [], slowPush: [] };
  for (let edit = 1; edit <= count; edit += 1) {
    for (const [name, target] of Object.entries({ slowServe, slowPush })) {
      const text = slowModel({ edit: 0, loaded: 1000 + edit, seconds: LOAD_SECONDS });
      const act = writing(target.file, text);
      const record = await measureChange(target, { act, version: 1000 + edit });
      if (record.kind !== "process") throw new Error(`an edit of load was applied as ${record.kind}`);
      const { took } = record.answer;
      record.phases.swap -= took;
      records[name].push({ ...record, ms: record.ms - took });
    }
  }
  return records;
}

function loadRow(name, records) {
  const ms = records.map((record) => record.ms);
  return row({
    figure: `${name}, an edit of load, less what load takes: p50`,
    unit: "ms",
    ours: median(ms),
    spread: spread(ms),
    note: `${ms.length} saves; ${phasesText(records)}`,
  });
}

function againstOthers(name, records) {
  const others = { wrangler: "wrangler dev", tsx: "tsx watch" };
  return Object.entries(others).map(([key, label]) => {
    const figure = `${name} --watch against ${label}: p50`;
    const ms = (record) => record.ms;
    const found = records[key];
    if (found === undefined) {
      const own = median(records[name].map(ms));
      return row({ figure, unit: "ms", ours: own, note: `${label} cannot be installed here` });
    }
    const failed = median(found.map(({ failedMs }) => failedMs));
    const note = failed > 1 ? `${label} fails requests for ${failed.toFixed(0)} ms a save; ours none` : "";
    return row({ figure, unit: "ms", ...compare(records[name], found, ms), note });
  });
}
