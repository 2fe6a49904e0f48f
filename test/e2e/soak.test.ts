// Issue 5: `purlin soak` fails on what leaks, and passes what does not.
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { makeProject } from "../helpers/build-project.ts";
import { isAlive } from "../helpers/is-alive.ts";
import { execCli, spawnCli } from "../helpers/spawn-cli.ts";

interface Soaked {
  passed: boolean;
  stopped: boolean;
  requests: number;
  per_second: number;
  cancelled: number;
  findings: { code: string; message: string }[];
  error?: { code: string };
}

const EXAMPLE = "examples:\n  - {name: one, input: {n: 1}}\n";
const STREAM = "  - {name: stream, input: {}, method: chatCompletions}\n";

const project = (t: TestContext, source: string, config = EXAMPLE): Promise<string> =>
  makeProject(t, { "config.yaml": `model_name: soaked\n${config}`, "model/model.ts": source });

async function soak(
  t: TestContext,
  target: string,
  ...more: string[]
): Promise<Soaked & { code: number | null }> {
  const args = ["soak", target, "--minutes", "0.2", "--json", ...more];
  const { code, stdout, stderr } = await execCli(t, args, { cwd: "/" });
  const lines = stdout.trim().split("\n");
  assert.equal(lines.length, 1, `one object: ${stdout} ${stderr}`);
  return { code, ...(JSON.parse(stdout) as Soaked) };
}

const codes = ({ findings }: Soaked): string[] => findings.map(({ code }) => code);

const HEALTHY = `
const cache = new Map<number, string>();
export class Model {
  predict(x: { n: number }) {
    if (cache.size > 100) cache.clear();
    cache.set(Math.random(), "x".repeat(1000));
    return { n: x.n + 1 };
  }
  async *chatCompletions(_: unknown, request: Request) {
    for (let i = 0; i < 20 && !request.signal.aborted; i++) {
      yield "item " + i;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}`;

// Two at a time: most of a soak is waiting, and the figures must hold on a busy machine, too.
describe("purlin soak", { concurrency: 2 }, () => {
  it("passes a healthy model, with its streams and clients that leave; as a project and as an archive", async (t) => {
    const dir = await project(t, HEALTHY, `${EXAMPLE.replace("}}", "}, output: {n: 2}}")}${STREAM}`);
    const result = await soak(t, dir);
    assert.deepEqual([result.code, result.passed, result.findings], [0, true, []]);
    assert.ok(
      result.requests > 200 && result.cancelled > 0 && result.per_second > 10,
      JSON.stringify(result),
    );
    const archive = join(dir, "soaked.tgz");
    assert.equal((await execCli(t, ["build", dir, "--archive", archive], { cwd: dir })).code, 0);
    const packed = await soak(t, archive);
    assert.deepEqual([packed.code, packed.findings], [0, []]);
  });

  it("an array that grows with the requests", async (t) => {
    const dir = await project(
      t,
      "const kept: unknown[] = []; export class Model { predict(x: unknown) { kept.push({ x, at: new Date() }); return 1; } }",
    );
    const result = await soak(t, dir);
    assert.deepEqual(
      [result.code, result.passed, result.error?.code, codes(result)],
      [1, false, "SOAK_FAILED", ["memory"]],
    );
    assert.match(result.findings[0]?.message ?? "", /^The model keeps more .* MiB, then .* bytes a request/);
  });

  it("files that are not closed", async (t) => {
    const dir = await project(
      t,
      `import { openSync } from "node:fs";
       let calls = 0;
       export class Model { async predict() { if (++calls % 20 === 0) openSync("/dev/null", "r"); await new Promise((r) => setTimeout(r, 5)); return 1; } }`,
    );
    assert.deepEqual(codes(await soak(t, dir)), ["files"]);
  });

  it("processes that are not ended, and those that outlive the model", async (t) => {
    const dir = await project(
      t,
      `import { spawn } from "node:child_process";
       let calls = 0;
       export class Model {
         async predict() {
           calls += 1;
           if (calls % 200 === 0) spawn("/bin/sleep", ["600"], { stdio: "ignore", detached: calls === 400 }).unref();
           await new Promise((resolve) => setTimeout(resolve, 5));
           return 1;
         }
       }`,
    );
    const result = await soak(t, dir);
    assert.deepEqual([...new Set(codes(result))], ["processes"]);
    assert.equal(result.findings.length, 2, JSON.stringify(result.findings));
    assert.match(result.findings[0]?.message ?? "", /more and more processes/);
    assert.match(result.findings[1]?.message ?? "", /^1 processes were still there .*sleep 600/);
  });

  it("a request that never ends, whether its client waits or has left", async (t) => {
    const waits = await project(
      t,
      `let calls = 0; export class Model { predict() { return ++calls === 150 ? new Promise(() => {}) : 1; } }`,
      `${EXAMPLE}runtime: {cancel_grace_seconds: 1}\n`,
    );
    const stuck = await soak(t, waits, "--cancel", "0", "--answer-within", "2s");
    assert.equal(stuck.code, 1);
    assert.ok(codes(stuck).includes("no-answer"), JSON.stringify(stuck.findings));

    const leaves = await project(
      t,
      `export class Model { async predict(_: unknown, request: Request) {
         await new Promise((resolve) => setTimeout(resolve, 20));
         if (request.signal.aborted) await new Promise(() => {});
         return 1;
       } }`,
      `${EXAMPLE}runtime: {cancel_grace_seconds: 1}\n`,
    );
    const left = await soak(t, leaves, "--cancel", "10");
    assert.equal(left.code, 1);
    assert.match(JSON.stringify(left.findings), /ended unasked: cancelled-request/);
  });

  it("answers that change with the number of calls, and errors", async (t) => {
    const dir = await project(
      t,
      "let calls = 0; export class Model { predict() { if (++calls % 50 === 0) throw new Error('x'); return calls < 100 ? 1 : 2; } }",
      EXAMPLE.replace("}}", "}, output: 1}"),
    );
    const result = await soak(t, dir);
    assert.deepEqual(codes(result).sort(), ["different-output", "error-answer"]);
    assert.match(JSON.stringify(result.findings), /The example \\"one\\": the output is 2, expected 1/);
  });

  it("examples with a file as input, and one that is to be refused", async (t) => {
    const dir = await makeProject(t, {
      "config.yaml": `model_name: soaked
examples:
  - {name: file, input_file: in.bin, output: {length: 3}}
  - {name: refused, input: {}, status: 422}
`,
      "data/in.bin": new Uint8Array([1, 2, 3]),
      "model/model.ts": `import { HttpError } from "purlin";
        export class Model {
          static input = "raw";
          predict(x: Uint8Array) { if (x.length !== 3) throw new HttpError(422, "no"); return { length: x.length }; }
        }`,
    });
    const result = await soak(t, dir);
    assert.deepEqual([result.code, result.findings], [0, []]);
  });

  it("one that is too short to judge by does not pass", async (t) => {
    const dir = await project(t, "export class Model { predict() { return 1; } }");
    const result = await soak(t, dir, "--minutes", "0.02");
    assert.deepEqual([result.code, codes(result)], [1, ["too-short"]]);
  });

  it("Ctrl-C tells what was seen so far, with exit code 130, and leaves nothing behind", async (t) => {
    const dir = await project(t, "export class Model { predict() { return process.pid; } }");
    const cli = spawnCli(t, ["soak", dir, "--minutes", "10", "--json"], { cwd: dir });
    await cli.waitFor(/[1-9]\d* requests/, { stream: "stderr" });
    cli.kill("SIGINT");
    assert.equal((await cli.exited).code, 130);
    const result = JSON.parse(cli.stdout()) as Soaked;
    assert.deepEqual([result.stopped, result.passed, result.error?.code], [true, false, "CANCELLED"]);
    assert.ok(result.requests > 0);
    assert.equal(isAlive(cli.pid), false);
  });
});
