import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { httpServer } from "../helpers/http-server.ts";
import { execCli, PURLIN_BIN, spawnCli } from "../helpers/spawn-cli.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";
import { until } from "../helpers/until.ts";

describe("the process of the command line", () => {
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const) {
    it(`${signal} ends it with ${code}`, async (t) => {
      const dir = await tmpDir(t);
      let asked = false;
      const { url } = await httpServer(t, () => {
        asked = true;
      });
      const cli = spawnCli(t, ["predict", "--local", url, "-d", "{}"], { cwd: dir });
      await until(() => asked);
      cli.kill(signal);
      assert.deepEqual(await cli.exited, { code, signal: null });
      assert.equal(cli.stdout(), "");
    });
  }

  it("a wait for stdin is ended by Ctrl-C too", async (t) => {
    const dir = await tmpDir(t);
    const child = spawn(process.execPath, [PURLIN_BIN, "predict", "--local", "1"], {
      cwd: dir,
      stdio: ["pipe", "ignore", "pipe"],
    });
    t.after(() => child.kill("SIGKILL"));
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    // It reads once the pipe takes more than its buffer holds.
    child.stdin.write(Buffer.alloc(256 * 1024, " "));
    await until(() => child.stdin.writableLength === 0);
    child.kill("SIGINT");
    assert.equal(await ended, 130);
  });

  it("a reader that goes away ends it without a word", async (t) => {
    const dir = await tmpDir(t);
    const { url } = await httpServer(t, (_request, response) => {
      response.writeHead(200, { "content-type": "text/plain" });
      const timer = setInterval(() => response.write("x".repeat(4096)), 5);
      response.once("close", () => clearInterval(timer));
    });
    const child = spawn(process.execPath, [PURLIN_BIN, "predict", "--local", url, "--stream", "-d", "{}"], {
      cwd: dir,
      stdio: ["ignore", "pipe", "pipe"],
    });
    t.after(() => child.kill("SIGKILL"));
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    let errors = "";
    child.stderr.on("data", (chunk: Buffer) => {
      errors += chunk.toString();
    });
    child.stdout.once("data", () => child.stdout.destroy());
    assert.equal(await ended, 141);
    assert.equal(errors, "");
  });

  it("a stdout that cannot be written to is an error", { skip: !existsSync("/dev/full") }, async (t) => {
    const dir = await tmpDir(t);
    const run = await execCli(t, ["-c", `"$0" "$1" --help > /dev/full`, process.execPath, PURLIN_BIN], {
      cwd: dir,
      command: ["/bin/sh"],
    });
    assert.equal(run.code, 1);
    assert.match(run.stderr, /stdout cannot be written to.*ENOSPC/);
  });

  it("a folder that was deleted under it is no crash", async (t) => {
    const dir = await tmpDir(t);
    const gone = join(dir, "gone");
    await mkdir(gone);
    const cli = spawnCli(t, ["-c", `sleep 0.2; exec "$0" "$1" --version`, process.execPath, PURLIN_BIN], {
      cwd: gone,
      command: ["/bin/sh"],
    });
    await rm(gone, { recursive: true });
    assert.deepEqual(await cli.exited, { code: 0, signal: null }, cli.stderr());
  });

  it("with stdin closed and no terminal it never waits", async (t) => {
    const dir = await tmpDir(t);
    const run = await execCli(t, ["predict", "--local", "1", "--json"], { cwd: dir });
    assert.equal(run.code, 2);
    const { error } = JSON.parse(run.stdout) as { error: { code: string; hint: string } };
    assert.equal(error.code, "INPUT_INVALID");
    assert.match(error.hint, /-d/);
  });
});
