/** What else people keep open while they edit, with the same trivial handler; each answers `{version}`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cachedPackage } from "../lib/cached-package.mjs";
import { ROOT } from "../lib/command.mjs";
import { startServer } from "../lib/server.mjs";
import { plainModel } from "./projects.mjs";

const EDIT_LOOP = fileURLToPath(new URL("../yardsticks/edit-loop.mjs", import.meta.url));
/** The last minor versions of wrangler need Node 22. */
const WRANGLER = "4.80.0";

/** `{path, port, file, textOf(version), stop}`, `file` being the one that is edited. */
export async function startFloor(root) {
  const dir = made(root, "watch-floor");
  const file = written(join(dir, "model.ts"), plainModel(0));
  const server = await startServer({ args: [EDIT_LOOP, file, dir], healthPath: "/" });
  return { ...server, path: "/", file, textOf: plainModel };
}

/** A bare node:http server that is started anew. */
export async function startTsx(root) {
  const dir = made(root, "watch-tsx");
  const port = await freePort();
  const textOf = (version) => bareServer(version, port);
  const file = written(join(dir, "server.ts"), textOf(0));
  const server = await startServer({
    args: [join(ROOT, "node_modules/tsx/dist/cli.mjs"), "watch", "--clear-screen=false", file],
    cwd: dir,
    stderr: join(root, "watch-tsx.log"),
    healthPath: "/",
  });
  return { ...server, path: "/", file, textOf };
}

/** null where it cannot be installed. */
export async function startWrangler(root) {
  const installed = await cachedPackage("wrangler", WRANGLER);
  if (installed === null) return null;
  const dir = made(root, "watch-wrangler");
  const config = { name: "bench", main: "worker.ts", compatibility_date: "2026-03-01", send_metrics: false };
  written(join(dir, "wrangler.json"), JSON.stringify(config));
  const file = written(join(dir, "worker.ts"), worker(0));
  const flags = ["--local", "--ip", "127.0.0.1", "--port", "0", "--inspector-port", "0"];
  const server = await startServer({
    args: [join(installed, "node_modules/wrangler/bin/wrangler.js"), "dev", ...flags],
    cwd: dir,
    stderr: join(root, "watch-wrangler.log"),
    env: {
      ...process.env,
      CI: "1",
      NO_COLOR: "1",
      // It talks to nobody and keeps nothing: no figures sent, no look for updates, no account.
      WRANGLER_SEND_METRICS: "false",
      WRANGLER_HIDE_BANNER: "true",
      CLOUDFLARE_CF_FETCH_ENABLED: "false",
      XDG_CONFIG_HOME: join(dir, "config"),
      WRANGLER_LOG_PATH: join(dir, "logs"),
    },
    announced: /Ready on http:\/\/[^\s:]+:(\d+)/,
    healthPath: "/",
  });
  return { ...server, path: "/", file, textOf: worker };
}

const worker = (version) => `export default {
  fetch(): Response {
    return Response.json({ version: ${version} });
  },
};
`;

const bareServer = (version, port) => `import { createServer } from "node:http";

const server = createServer((request, response) => {
  request.resume().on("end", () => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ version: ${version} }));
  });
});
server.listen(${port}, "127.0.0.1", () => console.log("listening on http://127.0.0.1:${port}"));
process.on("SIGTERM", () => process.exit());
`;

function made(root, name) {
  const dir = join(root, name);
  mkdirSync(dir);
  return dir;
}

function written(file, text) {
  writeFileSync(file, text);
  return file;
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
