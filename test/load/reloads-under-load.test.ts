// Issue 4: a day of saves, every third of them broken, while callers do not stop.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { it } from "node:test";
import { constantClients } from "../helpers/constant-clients.ts";
import { startTestHost } from "../helpers/test-host.ts";
import { until } from "../helpers/until.ts";
import { watchProject } from "../helpers/watched-project.ts";

const RELOADS = 200;
/** Of ten. */
const BROKEN = new Set([3, 6, 9]);
const SWAPS = Number(process.env["PURLIN_LOAD_SWAPS"] ?? 500);

const source = (version: number, load = ""): string => `
export class Model {
  loaded = 0;
  load() { this.loaded = Math.random(); ${load} }
  predict() { return { version: ${version}, loaded: this.loaded }; }
}
`;

const broken = (version: number): string =>
  [
    `${source(version)}\nthis is no code`,
    `${source(version)}\nthrow new Error("broken module ${version}");`,
    source(version, `throw new Error("broken load ${version}");`),
  ][version % 3] as string;

it(`${RELOADS} reloads under load, 60 of them broken, lose no request; ${SWAPS} leave memory, processes and files as they were`, async (t) => {
  const host = await startTestHost(t);
  const watched = await watchProject(t, host, "reloaded", (project) =>
    project.write("model/model.ts", source(0)),
  );
  await watched.told("live");
  const clients = constantClients(() => host.predict("reloaded", {}, "development/predict"), {
    count: 3,
    pauseMs: 10,
  });
  t.after(() => clients.stop());
  const done = { reloaded: 1, failed: 0 };
  const save = async (text: string, isBroken = false): Promise<void> => {
    await watched.save("model/model.ts", text);
    if (isBroken) await watched.told("reload-failed", ++done.failed);
    else await watched.told("reloaded", ++done.reloaded);
  };
  for (let version = 1; version <= RELOADS; version++) {
    if (BROKEN.has(version % 10)) await save(broken(version), true);
    // Every tenth is loaded anew, the others are put on what is loaded.
    else await save(source(version, version % 10 === 0 ? `this.loaded += ${version};` : ""));
  }
  const { asked, failures } = await clients.stop();
  assert.deepEqual(failures, []);
  assert.equal(done.failed, 60);
  assert.ok(asked > 1000, `${asked} requests`);
  assert.equal((await watched.ask())["version"], RELOADS);

  // Started anew, so that what it has grown by is what these saves leave behind.
  await save(source(RELOADS + 1, "this.loaded += 1;"));
  const all = (): number[] => [watched.cli().pid, ...host.processes()];
  let early = { pss: 0, files: 0, processes: 0 };
  for (let swap = 1; swap <= SWAPS; swap++) {
    await save(source(RELOADS + 1 + swap, "this.loaded += 1;"));
    if (swap === Math.round(SWAPS / 10)) early = measure(all());
  }
  const kinds = watched.events("reloaded").slice(-SWAPS);
  assert.ok(kinds.filter(({ kind }) => kind === "methods").length > SWAPS * 0.95);
  await until(() => host.models().length === 1, { what: "one model process" });
  const late = measure(all());
  t.diagnostic(`after ${SWAPS / 10} and ${SWAPS} saves: ${JSON.stringify([early, late])}; ${asked} requests`);
  assert.equal(late.processes, early.processes);
  assert.ok(late.files <= early.files + 10, `${early.files} open files, then ${late.files}`);
  assert.ok(late.pss <= early.pss * 1.3, `${early.pss} MB, then ${late.pss} MB`);
});

/** Of processes together: megabytes of memory, each shared page once, and open files. */
function measure(pids: readonly number[]): { pss: number; files: number; processes: number } {
  let kilobytes = 0;
  let files = 0;
  for (const pid of pids) {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
    kilobytes += Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0);
    files += readdirSync(`/proc/${pid}/fd`).length;
  }
  return { pss: Math.round(kilobytes / 1024), files, processes: pids.length };
}
