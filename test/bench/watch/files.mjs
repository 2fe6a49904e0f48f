/** Saves that are more than an edit of code: a large data file, and a checkout that changes hundreds of files. */
import { randomFillSync } from "node:crypto";
import { join } from "node:path";
import { timeCommand } from "../lib/command.mjs";
import { startHost } from "../lib/host.mjs";
import { atMost, row } from "../lib/report.mjs";
import { median, spread } from "../lib/stats.mjs";
import { dataModel, makeProject, manyModules, nameOf } from "./projects.mjs";
import { measureChange, phasesText, writing } from "./save.mjs";
import { startPushing, startServing } from "./target.mjs";

const DATA_BYTES = 10_000_000;
const CHECKOUT_FILES = 300;

export async function fileRows(context) {
  const host = await startHost(context.root, "watch-files-host");
  const rows = [];
  for (const [command, start] of [
    ["serve", (dir, log) => startServing(dir, { log })],
    ["push", (dir, log) => startPushing(host, dir, { log, model: nameOf(dir) })],
  ]) {
    rows.push(
      await measured(`${command} --watch, a data file of 10 MB: p50`, {
        project: await dataProject(join(context.root, `watch-data-${command}`)),
        start,
        count: context.quick ? 5 : 15,
        limit: 1000,
      }),
      await measured(`${command} --watch, a checkout of ${CHECKOUT_FILES} files, from its end: p50`, {
        project: await checkoutProject(join(context.root, `watch-checkout-${command}`)),
        start,
        count: context.quick ? 4 : 12,
        limit: 1500,
      }),
    );
  }
  await host.stop();
  return rows;
}

async function measured(figure, { project, start, count, limit }) {
  const target = await start(project.dir, `${project.dir}.log`);
  const records = [];
  for (let change = 1; change <= count; change += 1) {
    records.push(await measureChange(target, project.change(change)));
  }
  await target.stop();
  const ms = records.map((record) => record.ms);
  return row({
    figure,
    unit: "ms",
    ours: median(ms),
    spread: spread(ms),
    target: atMost(limit, "ours"),
    note: `${count} changes; ${phasesText(records)}`,
  });
}

/** All of its bytes are new each time: what a host has is not sent again. */
async function dataProject(dir) {
  const contents = (version) => {
    const bytes = randomFillSync(Buffer.alloc(DATA_BYTES));
    bytes.writeUInt32LE(version);
    return bytes;
  };
  makeProject(dir, { "model/model.ts": dataModel, "data/weights.bin": contents(0) });
  const file = join(dir, "data/weights.bin");
  return { dir, change: (version) => ({ act: writing(file, contents(version)), version }) };
}

/** Two branches; a change goes to the other one. The clock starts when git has ended. */
async function checkoutProject(dir) {
  const git = (...args) =>
    timeCommand("git", ["-c", "user.name=bench", "-c", "user.email=bench@localhost", ...args], {
      cwd: dir,
      env: { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_SYSTEM: "/dev/null" },
    });
  const commit = async (branch, value) => {
    makeProject(dir, manyModules(CHECKOUT_FILES, value));
    await git("checkout", "--quiet", "-b", branch);
    await git("add", "config.yaml", "model");
    await git("commit", "--quiet", "--message", branch);
  };
  makeProject(dir, {});
  await git("init", "--quiet");
  await commit("ones", 1);
  await commit("tens", 10);
  return {
    dir,
    change: (number) => {
      const [branch, value] = number % 2 === 0 ? ["tens", 10] : ["ones", 1];
      const act = async () => {
        await git("checkout", "--quiet", branch);
        return performance.now();
      };
      return { act, version: CHECKOUT_FILES * value };
    },
  };
}
