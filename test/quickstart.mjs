// The main job on real input, from nothing to a live edit: npm run quickstart
// Every command is run as it is shown, and every answer is the model's own.
import { statSync } from "node:fs";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import { openShell, paint, say } from "./docs/shell-session.mjs";

const READY_MS = 60_000;
const LIVE_MS = 15_000;
const EDIT = "s/return { text, lines:/return { text, rows: rows.length, lines:/";
/** Of sed; the BSDs take the suffix of a copy as a word of its own. */
const IN_PLACE = process.platform === "darwin" ? "-i ''" : "-i";
const EXPECTED = ["HARBOUR COFFEE", "TOTAL 11.55", "Thank you, come again!"];

const shell = openShell(fileURLToPath(new URL("../bin/purlin.js", import.meta.url)));
const began = performance.now();

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => void finish(128 + constants.signals[signal]));
}

try {
  await make();
  await serve();
  await deploy();
  say(`\n${paint(32, "✔")} all of it worked, in ${((performance.now() - began) / 1000).toFixed(1)} s`);
  await finish(0);
} catch (error) {
  say(`\n${paint(31, "✘")} ${error.message}`);
  await finish(1);
}

/** A project from a template, and a package of it that is known to work. */
async function make() {
  await shell.run("purlin init my-ocr --template onnx");
  shell.cd("my-ocr");
  await shell.run("npm install");
  await shell.run("purlin build --verify");
}

/** A picture is read, the code is changed under way, and the same picture gets the new answer. */
async function serve() {
  const server = shell.background("purlin serve --watch --port 0");
  const [, url] = await server.seen(/listening on (\S+)/, { within: READY_MS });
  await server.seen(/^ready$/m, { within: READY_MS });
  await server.seen(/watching \d+ files/, { within: READY_MS, print: false });

  const body = 'JSON.stringify({ image: fs.readFileSync("data/samples/receipt.png", "base64") })';
  await shell.run(`node -p '${body}' > receipt.json`);
  const predict = `purlin predict --local ${url} -f receipt.json`;
  const text = await shell.run(`${predict} | node -p 'JSON.parse(fs.readFileSync(0)).text'`);
  for (const line of EXPECTED) {
    if (!text.includes(line)) throw new Error(`"${line}" was not read in the receipt`);
  }

  await shell.run(`sed ${IN_PLACE} '${EDIT}' model/model.ts`);
  await server.seen(/live model\/model\.ts .*/, { within: LIVE_MS });
  const ms = Date.now() - statSync(shell.at("model/model.ts")).ctimeMs;
  const rows = await shell.run(`${predict} | node -p 'JSON.parse(fs.readFileSync(0)).rows'`);
  if (Number(rows) !== text.trim().split("\n").length) {
    throw new Error(
      `the receipt has ${text.trim().split("\n").length} rows, and the new code counts ${rows}`,
    );
  }
  say(`the new code was live ${ms.toFixed(0)} ms after the save`);

  await shell.run("purlin test");
  await server.stop();
}

/** A deployment server on this machine: the model goes live, is changed, is taken back, and follows a save. */
async function deploy() {
  const host = shell.background("purlin host --port 0");
  await host.seen(/listening on (\S+)/, { within: READY_MS });
  await shell.run("purlin push");
  const predict = "purlin predict my-ocr -f receipt.json";
  const text = await shell.run(`${predict} | node -p 'JSON.parse(fs.readFileSync(0)).text'`);
  for (const line of EXPECTED) {
    if (!text.includes(line)) throw new Error(`the deployed model did not read "${line}"`);
  }

  await shell.run(`sed ${IN_PLACE} 's/rows: rows.length, //' model/model.ts`);
  await shell.run("purlin push");
  const rows = `${predict} | node -p 'JSON.parse(fs.readFileSync(0)).rows'`;
  if ((await shell.run(rows)).trim() !== "undefined") throw new Error("the push did not change the answer");
  await shell.run("purlin rollback my-ocr");
  if (!(Number(await shell.run(rows)) > 0)) throw new Error("the rollback did not bring the old answer back");
  await shell.run("purlin status my-ocr");

  const watch = shell.background("purlin push --watch");
  await watch.seen(/live at \S+/, { within: READY_MS });
  await shell.run(`sed ${IN_PLACE} '${EDIT}' model/model.ts`);
  await watch.seen(/live model\/model\.ts .*/, { within: LIVE_MS });
  const development = rows.replace("my-ocr", "my-ocr --development");
  if (!(Number(await shell.run(development)) > 0)) throw new Error("the save did not change the answer");
  await watch.stop();
  await host.stop();
}

async function finish(code) {
  await shell.close();
  process.exit(code);
}
