/**
 * Where the time goes: node test/bench/profile.mjs [--model echo] [--connections 64] [--ms 3000] [--top 25] [--bare]
 *
 * Runs one load against the packed runtime with the CPU profiler on in both processes and prints the functions
 * with the most time of their own. The profiles stay in the folder that is named at the end. --bare: the yardstick.
 */
import { mkdtempSync, readFileSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startLoadClient } from "./lib/load-client.mjs";
import { waitForTurn } from "./lib/one-at-a-time.mjs";
import { packageFolder } from "./lib/package.mjs";
import { BARE_ARGS, startServer } from "./lib/server.mjs";

const { values: options } = parseArgs({
  options: {
    model: { type: "string", default: "echo" },
    body: { type: "string", default: "json_1k" },
    connections: { type: "string", default: "64" },
    ms: { type: "string", default: "3000" },
    top: { type: "string", default: "25" },
    bare: { type: "boolean", default: false },
  },
});

await waitForTurn();
const dir = mkdtempSync(join(tmpdir(), "purlin-profile-"));
const client = startLoadClient();
const profiler = ["--cpu-prof", `--cpu-prof-dir=${dir}`, "--cpu-prof-name=front.cpuprofile"];
const server = options.bare
  ? await startServer({ args: [...profiler, ...BARE_ARGS], healthPath: "/" })
  : await startServer({
      args: [...profiler, "runtime/front.mjs", "--port", "0"],
      cwd: packageFolder(dir).package(options.model, { profileDir: dir }),
      stderr: join(dir, "requests.log"),
      healthPath: "/health/ready",
    });
const cpuBefore = server.cpu();
const result = await client.run({
  port: server.port,
  path: options.bare ? `/${options.model}` : "/predict",
  body: options.body,
  connections: Number(options.connections),
  ms: Number(options.ms),
});
const cpuMicros = ((server.cpu() - cpuBefore) / result.requests) * 1e6;
await server.stop();
await client.stop();

console.log(
  `${Math.round(result.per_second)} requests/s, ${cpuMicros.toFixed(1)} µs of server CPU a request (profiler included)`,
);
for (const name of readdirSync(dir).filter((file) => file.endsWith(".cpuprofile"))) {
  console.log(`\n${name.replace(".cpuprofile", "")}: µs a request, share of the busy time, function`);
  printTop(JSON.parse(readFileSync(join(dir, name), "utf8")), result.requests);
}
console.log(`\nprofiles: ${dir}`);

function printTop(profile, requests) {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node.callFrame]));
  const self = new Map();
  profile.samples.forEach((id, index) => {
    const { functionName, url, lineNumber } = nodes.get(id);
    const place = url === "" ? "" : `${url.split("/").slice(-2).join("/")}:${lineNumber + 1}`;
    const key = `${functionName || "(anonymous)"} ${place}`;
    self.set(key, (self.get(key) ?? 0) + profile.timeDeltas[index]);
  });
  self.delete("(idle) ");
  const busy = [...self.values()].reduce((sum, micros) => sum + micros, 0);
  const top = [...self].sort((a, b) => b[1] - a[1]).slice(0, Number(options.top));
  for (const [key, micros] of top) {
    console.log(
      `${(micros / requests).toFixed(2).padStart(8)}  ${((micros / busy) * 100).toFixed(1).padStart(5)} %  ${key}`,
    );
  }
  console.log(`${(busy / requests).toFixed(2).padStart(8)}  in all`);
}
