/**
 * The least an edit loop can do, all in one process: a watcher with 10 ms of debounce, an incremental esbuild,
 * an import of the result; no package, no digest, no process to swap. Usage: edit-loop.mjs MODEL_FILE OUT_DIR
 */
import { watch } from "node:fs";
import { createServer } from "node:http";
import { basename, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { context } from "esbuild";

const [file, outDir] = process.argv.slice(2);
const outfile = join(outDir, "model.mjs");
const bundler = await context({
  entryPoints: [file],
  outfile,
  bundle: true,
  platform: "node",
  format: "esm",
  sourcemap: "linked",
  external: ["purlin"],
  logLevel: "silent",
});

let model = null;
let version = 0;
async function reload() {
  await bundler.rebuild();
  const { Model } = await import(`${pathToFileURL(outfile).href}?${version++}`);
  model = new Model();
}
await reload();

let timer;
watch(dirname(file), (_event, name) => {
  if (name !== basename(file)) return;
  clearTimeout(timer);
  timer = setTimeout(() => reload().catch(() => undefined), 10);
});

const server = createServer((request, response) => {
  request.resume().on("end", () => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(request.method === "POST" ? model.predict() : { status: "ok" }));
  });
});
server.listen(0, "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
process.on("SIGTERM", () => process.exit());
process.stdin.on("end", () => process.exit()).resume();
