/** From the save of model.ts to the first answer of the new code. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PURLIN, runPurlin } from "../lib/command.mjs";
import { atMost, row } from "../lib/report.mjs";
import { startServer } from "../lib/server.mjs";
import { median, quantile, spread } from "../lib/stats.mjs";

export const title = "save -> the new code answers";

const EDIT_LOOP = fileURLToPath(new URL("../yardsticks/edit-loop.mjs", import.meta.url));
const POLL_MS = 2;
const GIVE_UP_MS = 20_000;

export async function run(context) {
  const edits = context.quick ? 10 : 30;
  const project = join(context.root, "watch");
  const floorDir = join(context.root, "watch-floor");
  await runPurlin(["init", project, "--template", "minimal", "--name", "watch", "--yes"]);
  mkdirSync(floorDir);
  const ours = join(project, "model/model.ts");
  const floor = join(floorDir, "model.ts");
  const template = readFileSync(ours, "utf8");
  writeFileSync(ours, editOfPredict(template, 0));
  writeFileSync(floor, bareModel(0));

  const servers = {
    ours: await startServer({
      args: [PURLIN, "serve", project, "--watch", "--port", "0"],
      stderr: join(context.root, "watch.log"),
      healthPath: "/health/ready",
    }),
    floor: await startServer({ args: [EDIT_LOOP, floor, floorDir], healthPath: "/" }),
  };
  const times = { ours: [], floor: [], load: [] };
  for (let edit = 1; edit <= edits; edit += 1) {
    times.floor.push(await saveToAnswer(servers.floor, floor, bareModel(edit), edit));
    times.ours.push(await saveToAnswer(servers.ours, ours, editOfPredict(template, edit), edit));
  }
  for (let edit = 1; edit <= Math.ceil(edits / 3); edit += 1) {
    times.load.push(await saveToAnswer(servers.ours, ours, editOfLoad(template, edit + 1000), edit + 1000));
  }
  await Promise.all([servers.ours.stop(), servers.floor.stop()]);
  return rowsOf(times);
}

function rowsOf(times) {
  const p95 = (values) => quantile(values, 0.95);
  const bare = { p50: median(times.floor), p95: p95(times.floor) };
  const note = `${times.ours.length} edits; yardstick: watcher, esbuild and import in one process`;
  const line = (figure, ours, yardstick, target) =>
    row({
      figure,
      unit: "ms",
      ours,
      bare: yardstick,
      target: target === null ? null : atMost(target, "ours"),
      note,
    });
  return [
    { ...line("edit of predict: p50", median(times.ours), bare.p50, 60), spread: spread(times.ours) },
    line("edit of predict: p95", p95(times.ours), bare.p95, 150),
    {
      ...line("edit of load, a new process: p50", median(times.load), bare.p50, null),
      spread: spread(times.load),
    },
  ];
}

/** The yardstick's whole model. */
const bareModel = (value) => `export class Model {
  predict(): unknown {
    return { version: ${value} };
  }
}
`;

/** The template's own model, which answers the version to a probe alone: its examples stay as they are. */
const editOfPredict = (template, value) =>
  swap(template, "predict({ text }: Input) {", (line) =>
    line
      .replace("{ text }: Input", "{ text, probe }: Input & { probe?: boolean }")
      .concat(`\n    if (probe) return { version: ${value} };`),
  );

const editOfLoad = (template, value) =>
  swap(
    editOfPredict(template, "this.version"),
    "async load() {",
    (line) => `version = 0;\n  ${line}\n    this.version = ${value};`,
  );

function swap(text, line, change) {
  if (!text.includes(line)) throw new Error(`the minimal template has no line "${line}"`);
  return text.replace(line, change);
}

/** Milliseconds; the file is written in place, as most editors do. A pause first, so that no two edits meet. */
async function saveToAnswer(server, file, text, expected) {
  await new Promise((resolve) => setTimeout(resolve, 250 + Math.random() * 150));
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const started = performance.now();
  writeFileSync(file, text);
  try {
    while ((await versionOf(server.port, agent)) !== expected) {
      if (performance.now() - started > GIVE_UP_MS) throw new Error(`version ${expected} never answered`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    return performance.now() - started;
  } finally {
    agent.destroy();
  }
}

function versionOf(port, agent) {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: "127.0.0.1",
        port,
        path: "/predict",
        method: "POST",
        agent,
        headers: { "content-type": "application/json" },
      },
      (response) => {
        const parts = [];
        response.on("data", (part) => parts.push(part));
        response.on("end", () => {
          const text = Buffer.concat(parts).toString();
          // No request may fail during a swap: that is a result of its own.
          if (response.statusCode === 200) resolve(JSON.parse(text).version);
          else reject(new Error(`a request during the edit was answered ${response.statusCode}: ${text}`));
        });
      },
    );
    outgoing.on("error", reject);
    outgoing.end('{"probe":true}');
  });
}
