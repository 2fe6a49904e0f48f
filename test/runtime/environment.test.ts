// Model contract §2, spec case F17: a model hears of a changed environment, once for each change.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Writable } from "node:stream";
import { test } from "node:test";
import { writePackage } from "../helpers/run-model.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";
import { until } from "../helpers/until.ts";

const MODEL = `
import { existsSync } from "node:fs";
export class Model {
  constructor({ dataDir }) { this.file = dataDir + "/go"; }
  setupEnvironment(environment) { console.log("environment " + (environment?.name ?? "none")); }
  async load() { while (!existsSync(this.file)) await new Promise((r) => setTimeout(r, 20)); console.log("loaded"); }
  predict() {}
}`;

test("setupEnvironment is called once for each change, null included; one during load is told after it", async (t) => {
  const dir = join(await tmpDir(t), "package");
  await writePackage(dir, MODEL);
  const child = spawn(process.execPath, [join(dir, "runtime/front.mjs")], {
    env: { PATH: process.env["PATH"], PORT: "0", PURLIN_CONTROL_FD: "3", PURLIN_ENVIRONMENT: '{"name":"a"}' },
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
  const exited = once(child, "exit");
  t.after(() => child.kill("SIGKILL"));
  let log = "";
  child.stderr?.on("data", (piece: Buffer) => (log += piece.toString()));
  child.stdio[3]?.on("error", () => undefined);
  const change = (environment: unknown): boolean =>
    (child.stdio[3] as Writable).write(`${JSON.stringify({ type: "environment", environment })}\n`);
  const told = (): string[] =>
    [...log.matchAll(/"message":"(?:environment )?(a|b|none|loaded)"/g)].map((match) => match[1] as string);

  await until(() => told().length === 1);
  change({ name: "b" });
  await new Promise((resolve) => setTimeout(resolve, 200));
  await writeFile(join(dir, "data/go"), "");
  await until(() => told().length === 3);
  change({ name: "b" });
  change(null);
  change(null);
  change({ name: "b" });
  await until(() => told().length >= 5);
  child.kill("SIGTERM");
  await exited;
  assert.deepEqual(told(), ["a", "loaded", "b", "none", "b"]);
});
