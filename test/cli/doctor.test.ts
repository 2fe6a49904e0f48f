import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import { checkDependencies } from "../../src/actions/doctor-checks/check-dependencies.ts";
import { checkNode } from "../../src/actions/doctor-checks/check-node.ts";
import { checkPlatform } from "../../src/actions/doctor-checks/check-platform.ts";
import { checkPort } from "../../src/actions/doctor-checks/check-port.ts";
import { checkWatchLimits } from "../../src/actions/doctor-checks/check-watch-limits.ts";
import { checkWritable } from "../../src/actions/doctor-checks/check-writable.ts";
import { runCli } from "../helpers/run-cli.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";

interface Report {
  ok: boolean;
  checks: { name: string; status: string; detail: string; hint: string | null }[];
  error?: { code: string };
}

describe("purlin doctor", () => {
  it("reports every check, and nothing failed in an empty folder", async (t) => {
    const dir = await tmpDir(t);
    const run = await runCli(["doctor", "--json"], { cwd: dir });
    const report = run.json() as Report;
    assert.deepEqual([run.code, report.ok], [0, true], run.stdout);
    const names = report.checks.map(({ name }) => name);
    for (const name of [
      "node",
      "platform",
      "npm",
      "bundler",
      "folder",
      "disk-space",
      "watch-limits",
      "port",
      "project",
    ]) {
      assert.ok(names.includes(name), name);
    }
    for (const check of report.checks) {
      assert.match(check.status, /^(ok|warn|fail)$/);
      assert.equal(check.hint === null, check.status === "ok");
    }
  });

  it("ends with 1 and names the remedy where something must be mended", async (t) => {
    const dir = await tmpDir(t);
    await writeFile(join(dir, "config.yaml"), "model_name: x\n");
    await writeFile(join(dir, "package.json"), '{"dependencies": {"not-there": "1.0.0"}}');
    const text = await runCli(["doctor"], { cwd: dir });
    assert.equal(text.code, 1);
    assert.match(text.stdout, /fail +dependencies +Not installed: not-there\.\n +Run npm install/);
    const run = await runCli(["doctor", "--json"], { cwd: dir });
    const report = run.json() as Report;
    assert.deepEqual([run.code, report.ok, report.error?.code], [1, false, "DOCTOR_FAILED"]);
  });
});

describe("purlin doctor in a project", () => {
  it("checks the config and the model file", async (t) => {
    const dir = await tmpDir(t);
    const project = async () => {
      const run = await runCli(["doctor", "--json"], { cwd: dir });
      return (run.json() as Report).checks.find(({ name }) => name === "project");
    };
    await writeFile(join(dir, "config.yaml"), "model_name: x\nruntme: {}\n");
    const bad = await project();
    assert.equal(bad?.status, "fail");
    assert.match(bad.detail, /config\.yaml:2:1: .*runtme/);
    await writeFile(join(dir, "config.yaml"), "model_name: x\n");
    assert.match((await project())?.detail ?? "", /model\/model\.ts/);
    await mkdir(join(dir, "model"));
    await writeFile(join(dir, "model", "model.ts"), "export class Model { predict() {} }\n");
    assert.equal((await project())?.status, "ok");
  });
});

describe("the checks of doctor", () => {
  it("an old Node fails", () => {
    assert.deepEqual(
      ["18.20.0", "20.18.3", "20.19.0", "22.0.0"].map((version) => checkNode(version).status),
      ["fail", "fail", "ok", "ok"],
    );
  });

  it("a machine that packages cannot be made for is a warning", () => {
    assert.equal(checkPlatform("linux-arm64-musl").status, "ok");
    const check = checkPlatform("win32-x64");
    assert.equal(check.status, "warn");
    assert.match(check.hint ?? "", /--target/);
  });

  it("a folder that is not there, or is a file, cannot be written to", async (t) => {
    const dir = await tmpDir(t);
    await writeFile(join(dir, "file"), "");
    assert.equal((await checkWritable("x", dir)).status, "ok");
    assert.equal((await checkWritable("x", join(dir, "none"))).status, "fail");
    assert.equal((await checkWritable("x", join(dir, "file"))).status, "fail");
  });

  it("a port that somebody listens on is a warning", async (t) => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => server.close());
    const { port } = server.address() as { port: number };
    const check = await checkPort(port);
    assert.equal(check.status, "warn");
    assert.match(check.hint ?? "", /--port 0/);
  });

  it("few file watches are a warning, a system without such limits is fine", async (t) => {
    const dir = await tmpDir(t);
    assert.equal((await checkWatchLimits(join(dir, "none"))).status, "ok");
    await writeFile(join(dir, "max_user_watches"), "100\n");
    await writeFile(join(dir, "max_user_instances"), "128\n");
    assert.equal((await checkWatchLimits(dir)).status, "warn");
    await writeFile(join(dir, "max_user_watches"), "65536\n");
    assert.equal((await checkWatchLimits(dir)).status, "ok");
  });

  it("dependencies are found in a folder above too", async (t) => {
    const dir = await tmpDir(t);
    const project = join(dir, "packages", "a");
    await mkdir(project, { recursive: true });
    await writeFile(join(project, "package.json"), '{"dependencies": {"@scope/b": "1"}}');
    assert.equal((await checkDependencies(project)).status, "fail");
    await mkdir(join(dir, "node_modules", "@scope", "b"), { recursive: true });
    await writeFile(join(dir, "node_modules", "@scope", "b", "package.json"), "{}");
    assert.equal((await checkDependencies(project)).status, "ok");
  });
});
