// What a host needs of a start: a launcher before it, an environment of its own, another config, other environments.
import assert from "node:assert/strict";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { RUNTIME_ENV } from "../../src/protocol/runtime-env.ts";
import { isAlive } from "../helpers/is-alive.ts";
import { processesOf, writePackage } from "../helpers/run-model.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";
import { until } from "../helpers/until.ts";
import { startModel } from "./start-model.ts";

const TELLING = `
export class Model {
  constructor({ config, environment }) { this.config = config; this.environments = [environment]; }
  setupEnvironment(environment) { this.environments.push(environment); }
  predict(what) { return what === "env" ? process.env : { config: this.config, environments: this.environments, pid: process.pid }; }
  shutdown() { console.log("shut down"); }
}`;

test("a launcher gets the runtime's command, passes the control channel on, and a stop drains through it", async (t) => {
  const launcher = join(await tmpDir(t), "launcher.sh");
  // It keeps signals to itself, as sandboxes do, and is not replaced by what it runs.
  await writeFile(launcher, '#!/bin/sh\ntrap "" TERM INT\nshift\n"$@"\nexit $?\n');
  await chmod(launcher, 0o755);
  const model = await startModel(t, TELLING, { command: { file: launcher, args: ["--"] } });
  const { pid } = (await (await model.predict("")).json()) as { pid: number };
  assert.match(await readFile(`/proc/${model.runtime.pid}/cmdline`, "utf8"), /launcher\.sh\0--\0.*node/);
  await model.runtime.stop();
  assert.deepEqual(await model.runtime.exited, { code: 0, signal: null });
  assert.ok(model.log().includes("shut down"));
  await until(() => !isAlive(pid), { what: "the model process to end" });
});

test("a launcher that does not end is killed with all that it started", async (t) => {
  const model = await startModel(t, TELLING, {
    command: { file: "/bin/sh", args: ["-c", 'trap "" TERM; "$@"; sleep 600', "launcher"] },
  });
  const before = await processesOf(model.dir);
  await model.runtime.stop({ graceMs: 300 });
  assert.equal((await model.runtime.exited).signal, "SIGKILL");
  await until(() => before.every((each) => !isAlive(each)), { what: "all of them to end" });
});

test("a clean environment has nothing of this process's, and what it is given", async (t) => {
  process.env["PURLIN_TEST_OF_HOST"] = "the host's own";
  process.env["PURLIN_SECRETS_DIR"] = "/nowhere/of/the/host";
  t.after(() => {
    delete process.env["PURLIN_TEST_OF_HOST"];
    delete process.env["PURLIN_SECRETS_DIR"];
  });
  const model = await startModel(t, TELLING, { env: { GIVEN: "yes" }, cleanEnv: true });
  const env = (await (await model.predict("env")).json()) as Record<string, string>;
  assert.equal(env["GIVEN"], "yes");
  const known = new Set(["GIVEN", "PATH", "PWD", "SHLVL", "_", ...Object.values(RUNTIME_ENV)]);
  assert.deepEqual(
    Object.keys(env).filter((name) => !known.has(name)),
    [],
  );
  assert.equal(env["PURLIN_SECRETS_DIR"], undefined);
  assert.doesNotMatch(env["PATH"] ?? "", /node_modules/);
});

test("PURLIN_CONFIG replaces the package's config in both processes, and stays through reloads", async (t) => {
  const config = join(await tmpDir(t), "effective.json");
  const dir = join(await tmpDir(t), "package");
  await writePackage(dir, TELLING);
  const packed = JSON.parse(await readFile(join(dir, "config/config.json"), "utf8"));
  const effective = (description: string, maxBytes: number): string =>
    JSON.stringify({
      ...packed,
      description,
      runtime: { ...packed.runtime, max_body_bytes: maxBytes },
    });
  await writeFile(config, effective("for staging", 500));
  const model = await startModel(t, TELLING, { env: { [RUNTIME_ENV.config]: config } });
  const seen = async (): Promise<[description: string, pid: number]> => {
    const answer = (await (await model.predict("")).json()) as {
      config: { description: string };
      pid: number;
    };
    return [answer.config.description, answer.pid];
  };
  const statusOf = async (bytes: number): Promise<number> => (await model.predict("x".repeat(bytes))).status;
  assert.equal((await seen())[0], "for staging");
  assert.equal(await statusOf(600), 413);

  await model.runtime.reload({ dir, digest: "sha256:2" }, "process");
  assert.equal((await seen())[0], "for staging");
  await model.runtime.reload({ dir, digest: "sha256:3" }, "methods");
  assert.equal(await statusOf(600), 413);

  const other = `${config}.production`;
  await writeFile(other, effective("for production", 1000));
  const [, pid] = await seen();
  const { processes } = await model.runtime.reload({ dir, digest: "sha256:4", config: other }, "methods");
  assert.equal(processes, 1);
  const [description, freshPid] = await seen();
  assert.equal(description, "for production");
  assert.notEqual(freshPid, pid, "a process cannot be given another config, so there is a new one");
  assert.deepEqual([await statusOf(600), await statusOf(1100)], [200, 413]);
  await assert.rejects(
    model.runtime.reload({ dir, digest: "sha256:5", config: `${config}.none` }, "process"),
    /effective\.json\.none cannot be used/,
  );
  assert.equal((await seen())[0], "for production");
});

test("F17: setEnvironment reaches setupEnvironment once for each change, null included", async (t) => {
  const model = await startModel(t, TELLING, { env: { [RUNTIME_ENV.environment]: '{"name":"a"}' } });
  const told = async (): Promise<unknown[]> =>
    ((await (await model.predict("")).json()) as { environments: unknown[] }).environments;
  const first = [{ name: "a" }, { name: "a" }];
  assert.deepEqual(await told(), first, "the constructor and setupEnvironment");
  const change = async (
    environment: Record<string, unknown> | null,
    ...expected: unknown[]
  ): Promise<void> => {
    model.runtime.setEnvironment(environment);
    await until(async () => (await told()).length >= first.length + expected.length);
    assert.deepEqual(await told(), [...first, ...expected]);
  };
  const b = { name: "b", replicas: 2 };
  await change(b, b);
  model.runtime.setEnvironment(b);
  await change(null, b, null);
  await change({ name: "a" }, b, null, { name: "a" });
  // A process that comes later is made for the environment of that time.
  await model.runtime.reload({ dir: model.dir, digest: "sha256:2" }, "process");
  assert.deepEqual(await told(), first);
});
