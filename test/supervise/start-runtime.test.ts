import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { isAppError } from "../../src/errors.ts";
import type { ControlEvent } from "../../src/protocol/control.ts";
import type { RunningRuntime, RuntimeOptions } from "../../src/supervise/running-runtime.ts";
import { startRuntime } from "../../src/supervise/start-runtime.ts";
import { makeTree } from "../helpers/make-tree.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";
import { until } from "../helpers/until.ts";

/** What every front below does first: `say` and `hear` on the control channel, and an end with it. */
const CHANNEL = `import { Socket } from "node:net";
import { writeFileSync } from "node:fs";
const channel = new Socket({ fd: Number(process.env.PURLIN_CONTROL_FD), readable: true, writable: true });
const say = (event) => channel.write(JSON.stringify(event) + "\\n");
const hear = (take) => { let held = ""; channel.setEncoding("utf8").on("data", (text) => {
  const lines = (held + text).split("\\n"); held = lines.pop(); for (const line of lines) take(JSON.parse(line)); }); };
channel.on("close", () => process.exit(0)).on("error", () => {}).resume();
`;
const READY = `say({ type: "listening", url: "http://127.0.0.1:1" }); say({ type: "ready", digest: "sha256:1", load_ms: 2 });`;

/** A packed tree whose front is this script; it is ended after the test. */
async function started(
  t: TestContext,
  script: string,
  options: Partial<RuntimeOptions> = {},
): Promise<{ runtime: RunningRuntime; dir: string; events: ControlEvent[] }> {
  const dir = await tmpDir(t);
  await makeTree(dir, { "runtime/front.mjs": CHANNEL + script });
  const events: ControlEvent[] = [];
  const runtime = startRuntime({
    packageDir: dir,
    listen: { port: 0, host: "127.0.0.1" },
    stdout: "ignore",
    stderr: "ignore",
    onEvent: (event) => events.push(event),
    ...options,
  });
  t.after(() => runtime.stop({ signal: "SIGKILL" }));
  return { runtime, dir, events };
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (isAppError(error)) return error.code;
    throw error;
  }
  throw new Error("it did not reject");
}

describe("a runtime that starts", () => {
  it("tells its address, when it is ready, and everything else it says", async (t) => {
    const { runtime, events } = await started(t, READY);
    assert.equal(await runtime.listening, "http://127.0.0.1:1");
    assert.deepEqual(await runtime.ready, { digest: "sha256:1", load_ms: 2 });
    assert.deepEqual(
      events.map(({ type }) => type),
      ["listening", "ready"],
    );
  });

  it("has a process group of its own: a terminal's Ctrl-C does not reach it", async (t) => {
    const { runtime } = await started(t, READY);
    await runtime.ready;
    assert.doesNotThrow(() => process.kill(-runtime.pid, 0));
  });

  it("is given where it lies and listens, and nothing that npm set", async (t) => {
    process.env["npm_config_secret"] = "x";
    t.after(() => delete process.env["npm_config_secret"]);
    const { runtime, dir } = await started(
      t,
      `writeFileSync(process.env.PURLIN_PACKAGE_DIR + "/env.json", JSON.stringify(process.env)); ${READY}`,
      { env: { PURLIN_MODE: "development" } },
    );
    await runtime.ready;
    const env = JSON.parse(await readFile(join(dir, "env.json"), "utf8")) as Record<string, string>;
    assert.deepEqual(
      [env["PURLIN_PACKAGE_DIR"], env["PORT"], env["HOST"], env["PURLIN_MODE"], env["PURLIN_CONTROL_FD"]],
      [dir, "0", "127.0.0.1", "development", "3"],
    );
    assert.deepEqual(
      Object.keys(env).filter((name) => name.startsWith("npm_")),
      [],
    );
  });
});

describe("a reload", () => {
  it("is answered by its own number, also when answers come in another order", async (t) => {
    const { runtime } = await started(
      t,
      `const held = []; hear((request) => { held.push(request); if (held.length < 2) return;
        for (const { id } of held.reverse()) say({ type: "reloaded", id, ok: true, digest: "d", duration_ms: id * 10, processes: 1 }); }); ${READY}`,
    );
    await runtime.ready;
    const generation = { dir: "/nowhere", digest: "d" };
    const both = await Promise.all([
      runtime.reload(generation, "methods"),
      runtime.reload(generation, "process"),
    ]);
    assert.deepEqual(
      both.map(({ duration_ms }) => duration_ms),
      [10, 20],
    );
  });

  it("that fails rejects with the model's own message and place, and the next one may succeed", async (t) => {
    const { runtime } = await started(
      t,
      `hear(({ id }) => say(id === 1 ? { type: "reloaded", id, ok: false, error: "no weights", stack: "at Model.load (model/model.ts:7:3)" }
        : { type: "reloaded", id, ok: true, digest: "d", duration_ms: 1, processes: 1 })); ${READY}`,
    );
    await runtime.ready;
    const generation = { dir: "/nowhere", digest: "d" };
    await assert.rejects(runtime.reload(generation, "process"), (error: unknown) => {
      assert.ok(isAppError(error));
      assert.match(error.message, /no weights/);
      assert.deepEqual(error.location, { file: "model/model.ts", line: 7, column: 3 });
      return true;
    });
    await runtime.reload(generation, "process");
  });

  it("rejects when the runtime ends under it", async (t) => {
    const { runtime } = await started(t, `hear(() => process.exit(3)); ${READY}`);
    await runtime.ready;
    assert.equal(await codeOf(runtime.reload({ dir: "/nowhere", digest: "d" }, "methods")), "RUNTIME_FAILED");
    assert.deepEqual(await runtime.exited, { code: 3, signal: null });
    assert.equal(await codeOf(runtime.reload({ dir: "/nowhere", digest: "d" }, "methods")), "RUNTIME_FAILED");
  });
});

describe("a runtime that cannot start", () => {
  for (const [reason, code] of [
    ["listen:EADDRINUSE", "PORT_IN_USE"],
    ["listen:EADDRNOTAVAIL", "HOST_INVALID"],
  ] as const) {
    it(`says ${code} for ${reason}`, async (t) => {
      const { runtime } = await started(
        t,
        `channel.end(JSON.stringify({ type: "failed", error: "no", reason: "${reason}" }) + "\\n", () => process.exit(1));`,
      );
      assert.equal(await codeOf(runtime.listening), code);
    });
  }

  it("says LOAD_FAILED for a model that does not load, though it listens", async (t) => {
    const { runtime } = await started(
      t,
      `say({ type: "listening", url: "http://127.0.0.1:1" }); say({ type: "failed", error: "no weights", reason: "load" });`,
    );
    await runtime.listening;
    assert.equal(await codeOf(runtime.ready), "LOAD_FAILED");
  });

  it("says RUNTIME_FAILED when it ends without a word", async (t) => {
    const { runtime } = await started(t, "process.exit(9);");
    assert.equal(await codeOf(runtime.listening), "RUNTIME_FAILED");
    assert.equal(await codeOf(runtime.ready), "RUNTIME_FAILED");
  });
});

describe("stopping", () => {
  it("waits for a clean end, and may be asked twice", async (t) => {
    const { runtime } = await started(
      t,
      `process.on("SIGTERM", () => setTimeout(() => process.exit(0), 50)); ${READY}`,
    );
    await runtime.ready;
    await Promise.all([runtime.stop(), runtime.stop()]);
    assert.deepEqual(await runtime.exited, { code: 0, signal: null });
    await runtime.stop();
  });

  it("kills what does not end within the grace", async (t) => {
    const { runtime } = await started(t, `process.on("SIGTERM", () => {}); ${READY}`);
    await runtime.ready;
    await runtime.stop({ graceMs: 50 });
    assert.equal((await runtime.exited).signal, "SIGKILL");
    await until(() => {
      try {
        process.kill(runtime.pid, 0);
        return false;
      } catch {
        return true;
      }
    });
  });
});

describe("a runtime whose control channel says what no runtime says", () => {
  const lines = {
    "no JSON": "channel.write('not json\\n')",
    "a number": "channel.write('7\\n')",
    null: "channel.write('null\\n')",
    "an unknown type": 'say({ type: "__proto__" })',
    "a field of another type": 'say({ type: "ready", digest: { toString: 1 }, load_ms: "x" })',
    "vitals without a list": 'say({ type: "vitals", id: 1, processes: 3 })',
    "a stack that is none": 'say({ type: "failed", error: "x", reason: "y", stack: [1] })',
    "a line without an end": 'const more = () => channel.write("x".repeat(65536), more); more()',
    "bytes that are no text": "channel.write(Buffer.from([0xff, 0xfe, 0x0a]))",
  };
  for (const [what, script] of Object.entries(lines)) {
    it(`${what}: it is ended, and this process goes on`, async (t) => {
      const { runtime, events } = await started(t, `${script}; setInterval(() => {}, 1000);`);
      assert.equal((await runtime.exited).signal, "SIGKILL");
      assert.equal(await codeOf(runtime.ready), "RUNTIME_FAILED");
      assert.deepEqual(events, []);
    });
  }
});
