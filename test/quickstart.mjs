// The main job on real input, from nothing to a live edit: npm run quickstart
// Scaffolds the onnx template, builds and serves it, reads a picture, edits the model, sees the new answer.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const PURLIN = fileURLToPath(new URL("../bin/purlin.js", import.meta.url));
const READY_MS = 60_000;
const LIVE_MS = 15_000;
const EXPECTED = ["HARBOUR COFFEE", "TOTAL 11.55", "Thank you, come again!"];
const EDIT = ["return { text, lines:", "return { words: text.split(/\\s+/).length, text, lines:"];

const colours = process.stdout.isTTY && process.env.NO_COLOR === undefined;
const paint = (code, text) => (colours ? `\x1b[${code}m${text}\x1b[0m` : text);
const say = (text = "") => process.stdout.write(`${text}\n`);
const shown = (command) => say(`\n${paint("1;36", "$")} ${paint(1, command)}`);

const root = mkdtempSync(join(tmpdir(), "purlin-quickstart-"));
const project = join(root, "my-ocr");
const children = new Set();
const began = performance.now();

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => void finish(128 + constants.signals[signal]));
}

try {
  await main();
  say(`\n${paint(32, "✔")} all of it worked, in ${seconds(performance.now() - began)}`);
  await finish(0);
} catch (error) {
  say(`\n${paint(31, "✘")} ${error.message}`);
  await finish(1);
}

async function main() {
  shown("purlin init my-ocr --template onnx");
  await purlin(["init", "my-ocr", "--template", "onnx"], root);

  shown("npm install");
  await run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"], project);

  shown("purlin build --verify");
  await purlin(["build", "--verify"], project);

  shown("purlin serve --watch");
  const server = start(process.execPath, [PURLIN, "serve", "--watch", "--port", "0"], project);
  const url = (await waitFor(server, /listening on (\S+)/, READY_MS))[1];
  await waitFor(server, /^ready$/m, READY_MS);
  await waitFor(server, /watching \d+ files/, READY_MS);
  say(`listening on ${url}\nready`);

  const picture = "data/samples/receipt.png";
  shown(
    `node -p 'JSON.stringify({ image: fs.readFileSync("${picture}", "base64") })' | purlin predict --local ${url}`,
  );
  const input = JSON.stringify({ image: readFileSync(join(project, picture), "base64") });
  const answer = JSON.parse(await purlin(["predict", "--local", url], project, { input, quiet: true }));
  say(answer.text);
  for (const line of EXPECTED) {
    if (!answer.text.includes(line)) throw new Error(`"${line}" was not read in ${picture}`);
  }

  const file = join(project, "model/model.ts");
  shown(`sed -i 's/${EDIT[0]}/return { words: …, text, lines:/' model/model.ts`);
  const ms = await edit(file, url);
  const live = await waitFor(server, /live model\/model\.ts .*/, LIVE_MS);
  say(live[0]);
  say(`the new answer came ${ms.toFixed(0)} ms after the save`);

  shown("purlin test");
  await purlin(["test"], project);

  server.kill("SIGTERM");
  const { code } = await server.ended;
  if (code !== 0) throw new Error(`purlin serve ended with ${code}:\n${server.output()}`);
}

/** Saves the edit and asks until the new code answers; a picture is read in well under a second. */
async function edit(file, url) {
  const source = readFileSync(file, "utf8");
  if (!source.includes(EDIT[0])) throw new Error(`${file} does not hold the line to edit`);
  const saved = performance.now();
  writeFileSync(file, source.replace(EDIT[0], EDIT[1]));
  while (performance.now() - saved < LIVE_MS) {
    const asked = performance.now();
    const response = await fetch(`${url}/predict`, { method: "POST", body: '{"sample":"sign.jpg"}' });
    if (!response.ok) throw new Error(`a request failed during the edit: ${await response.text()}`);
    const { words } = await response.json();
    // The time the picture takes to read is the model's, not the reload's.
    if (typeof words === "number") return asked - saved;
  }
  throw new Error(`the new code did not answer within ${LIVE_MS} ms`);
}

function purlin(args, cwd, options) {
  return run(process.execPath, [PURLIN, ...args], cwd, options);
}

/** Runs a command to its end, shows what it says, and gives its stdout. */
async function run(file, args, cwd, { input, quiet = false } = {}) {
  const child = start(file, args, cwd, { input, echo: !quiet });
  const { code } = await child.ended;
  if (code !== 0)
    throw new Error(
      `${file === "npm" ? "npm" : "purlin"} ${args.at(file === "npm" ? 0 : 1)} ended with ${code}:\n${child.output()}`,
    );
  return child.stdout();
}

function start(file, args, cwd, { input, echo = false } = {}) {
  const child = spawn(file, args, { cwd, stdio: ["pipe", "pipe", "pipe"] });
  children.add(child);
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  let stdout = "";
  let all = "";
  for (const stream of ["stdout", "stderr"]) {
    child[stream].setEncoding("utf8").on("data", (text) => {
      all += text;
      if (stream === "stdout") stdout += text;
      if (echo) process.stdout.write(text);
    });
  }
  const ended = new Promise((resolve) => {
    child.once("error", (error) => {
      all += error.message;
      resolve({ code: -1 });
    });
    child.once("close", (code) => resolve({ code }));
  }).finally(() => children.delete(child));
  return { ended, stdout: () => stdout, output: () => all, kill: (signal) => child.kill(signal) };
}

async function waitFor(child, pattern, ms) {
  const deadline = performance.now() + ms;
  let over = false;
  void child.ended.then(() => (over = true));
  for (;;) {
    const found = pattern.exec(child.output());
    if (found) return found;
    if (over || performance.now() > deadline) {
      throw new Error(`${String(pattern)} was not seen in time:\n${child.output()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Nothing that was started here outlives it. */
async function finish(code) {
  for (const child of children) child.kill("SIGTERM");
  const limit = setTimeout(() => {
    for (const child of children) child.kill("SIGKILL");
  }, 5000);
  while (children.size > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  clearTimeout(limit);
  rmSync(root, { recursive: true, force: true });
  process.exit(code);
}

function seconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`;
}
