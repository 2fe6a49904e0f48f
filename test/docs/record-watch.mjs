// Draws .github/watch.svg from a real `purlin push --watch` at a terminal: node test/docs/record-watch.mjs
// `script` of util-linux lends the terminal.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { screenRows, terminalSvg } from "./terminal-svg.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PURLIN = join(ROOT, "bin/purlin.js");
const WIDTH = 104;
const root = mkdtempSync(join(tmpdir(), "purlin-watch-"));
const env = { ...process.env, PURLIN_HOME: join(root, "home"), TERM: "xterm", COLUMNS: String(WIDTH) };
const project = join(root, "my-model");
const file = join(project, "model/model.ts");

const host = start(process.execPath, [PURLIN, "host", "--port", "4700"], { env, cwd: root });
try {
  await host.seen(/listening on/);
  await start(process.execPath, [PURLIN, "init", project], { env, cwd: root }).ended;
  const command = `stty cols ${WIDTH}; exec ${process.execPath} ${PURLIN} push --watch`;
  const watch = start("script", ["-qfec", command, "/dev/null"], { env, cwd: project });
  await watch.seen(/live the project/);
  edit(file, "return {", "console.log(`${words} words`);\n    return {");
  await watch.seen(/live model\S* in/);
  await start(
    process.execPath,
    [PURLIN, "predict", "my-model", "--development", "-d", '{"text":"Two words."}'],
    {
      env,
      cwd: project,
    },
  ).ended;
  await watch.seen(/POST \/predict 200/);
  edit(file, "async load() {", "async load() {\n    this.loadedAt = Date.now();");
  await watch.seen(/new process/);
  edit(file, "return {", "return {{");
  await watch.seen(/not live/);
  edit(file, "return {{", "return {");
  await watch.seen(/back to the code that is live|nothing in it changed/);
  const written = watch.output();
  watch.write("q");
  await watch.ended;
  const rows = screenRows(`\u001B[36m$ purlin push --watch\u001B[39m\n${written}`, WIDTH);
  writeFileSync(join(ROOT, ".github/watch.svg"), terminalSvg(rows.filter((row) => row.length > 0)));
} finally {
  host.kill();
  await host.ended;
  rmSync(root, { recursive: true, force: true });
}

function edit(path, from, to) {
  const text = readFileSync(path, "utf8");
  const edited = text.replace(from, to);
  if (edited === text) throw new Error(`${path} has no ${String(from)}`);
  writeFileSync(path, edited);
}

function start(command, args, { cwd, env: given }) {
  const child = spawn(command, args, { cwd, env: given, stdio: ["pipe", "pipe", "pipe"] });
  let output = "";
  let from = 0;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => (output += text));
  }
  return {
    output: () => output,
    write: (text) => child.stdin.write(text),
    kill: () => child.kill("SIGTERM"),
    ended: new Promise((resolve) => child.once("close", resolve)),
    /** Waits for what comes after what was seen before. */
    async seen(pattern) {
      const limit = Date.now() + 20_000;
      for (;;) {
        const rest = output.slice(from).replaceAll(/\u001B\[\d*[mK]/g, "");
        if (pattern.test(rest)) break;
        if (Date.now() > limit) throw new Error(`no ${String(pattern)} in ${JSON.stringify(output)}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      await new Promise((resolve) => setTimeout(resolve, 400));
      from = output.length;
    },
  };
}
