import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { build } from "esbuild";
import { startRuntime } from "../../src/supervise/start-runtime.ts";
import { runModel, writePackage } from "../helpers/run-model.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";
import { until } from "../helpers/until.ts";

const HTTP_ERROR = `class HttpError extends Error {
  constructor(status, detail, { headers = {}, code = "HTTP_ERROR" } = {}) {
    super("http"); Object.assign(this, { status, detail, headers, code, [Symbol.for("purlin.HttpError")]: true });
  }
}`;

const MODEL = `${HTTP_ERROR}
const fail = {
  error() { throw new TypeError("the secret reason"); },
  async later() { throw new Error("the secret reason"); },
  string() { throw "just a string"; },
  nothing() { throw undefined; },
  teapot() { throw new HttpError(418, "teapot", { headers: { "X-A": "b" }, code: "SHORT_AND_STOUT" }); },
  object() { throw new HttpError(422, { a: [1] }); },
};
export class Model {
  async preprocess(x) { if (x.in === "preprocess") await fail[x.run](); return x; }
  async predict(x) { if (x.in === "predict") await fail[x.run](); return x; }
  async postprocess(x) { if (x.in === "postprocess") await fail[x.run](); return x; }
}`;

describe("errors of user code", () => {
  it("any other throw is a 500 with a fixed text; the reason is in the log alone", async (t) => {
    const { predict, logs, logText } = await runModel(t, MODEL);
    for (const place of ["preprocess", "predict", "postprocess"]) {
      for (const run of ["error", "later", "string", "nothing"]) {
        const response = await predict(
          { in: place, run },
          { headers: { "x-request-id": `${place}-${run}` } },
        );
        assert.equal(response.status, 500, `${place} ${run}`);
        const body = (await response.json()) as Record<string, string>;
        assert.equal(body["code"], "MODEL_ERROR");
        assert.equal(body["request_id"], `${place}-${run}`);
        assert.ok(!JSON.stringify(body).includes("secret reason"));
        const line = await until(() => logs().find((each) => each["request_id"] === `${place}-${run}`));
        assert.equal(line.level, "error");
      }
    }
    assert.ok(logText().includes("the secret reason"));
    assert.equal((await predict({ in: "nowhere" })).status, 200);
  });

  it("an HttpError is the answer: status, detail, headers, code", async (t) => {
    const { predict } = await runModel(t, MODEL);
    for (const place of ["preprocess", "predict", "postprocess"]) {
      const teapot = await predict({ in: place, run: "teapot" });
      assert.deepEqual([teapot.status, teapot.headers.get("x-a")], [418, "b"]);
      const { error, code } = (await teapot.json()) as Record<string, unknown>;
      assert.deepEqual([error, code], ["teapot", "SHORT_AND_STOUT"]);
      const object = await predict({ in: place, run: "object" });
      const body = (await object.json()) as Record<string, unknown>;
      assert.deepEqual([object.status, body["error"], body["code"]], [422, { a: [1] }, "HTTP_ERROR"]);
    }
  });

  it("a Response or a stream from predict with a postprocess is a 500 that the log explains", async (t) => {
    const { predict, logText } = await runModel(
      t,
      `export class Model {
        predict(x) { return x === "r" ? new Response("x") : (function* () { yield 1; })(); }
        postprocess(x) { return x; }
      }`,
    );
    for (const input of ["r", "g"]) assert.equal((await predict(input)).status, 500);
    await until(() => logText().includes("a Response: you cannot use postprocess"));
    await until(() => logText().includes("a stream: you cannot use postprocess"));
  });

  it("the logged stack names the author's files and lines, without frames of ours", async (t) => {
    const root = await tmpDir(t);
    const dir = join(root, "package");
    await writePackage(dir, "");
    const source = [
      "export function helper(x: number): number {",
      "  if (x > 0) throw new Error('deep');",
      "  return x;",
      "}",
    ];
    await writeFile(join(root, "helper.ts"), source.join("\n"));
    const model = `import { helper } from "./helper.ts";\nexport class Model {\n  predict(x: number) {\n    return helper(x);\n  }\n}\n`;
    await writeFile(join(root, "model.ts"), model);
    await build({
      absWorkingDir: root,
      entryPoints: ["model.ts"],
      outfile: join(dir, "code/model.mjs"),
      bundle: true,
      format: "esm",
      sourcemap: true,
      logLevel: "silent",
    });
    let stderr = "";
    const runtime = startRuntime({
      packageDir: dir,
      listen: { port: 0, host: "127.0.0.1" },
      stdout: "ignore",
      stderr: "pipe",
      onOutput: (_stream, text) => (stderr += text),
    });
    t.after(() => runtime.stop({ graceMs: 1000 }));
    const url = await runtime.listening;
    await runtime.ready;
    await fetch(`${url}/predict`, { method: "POST", body: "1" });
    const line = await until(() => stderr.split("\n").find((each) => each.includes("Error: deep")));
    const { stack } = JSON.parse(line) as { stack: string };
    assert.match(stack, /^\s+at helper \(helper\.ts:2:\d+\)\n\s+at Model\.predict \(model\.ts:4:\d+\)$/);
  });
});
