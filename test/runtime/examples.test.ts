import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { test } from "../../src/actions/test.ts";
import { isAppError } from "../../src/errors.ts";
import { silentReporter } from "../../src/events.ts";
import { startRuntime } from "../../src/supervise/start-runtime.ts";
import { writePackage } from "../helpers/run-model.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";

const MODEL = `
export class Model {
  static input = { predict: "raw" };
  static streams = true;
  predict(input, request) {
    const type = request.headers.get("content-type");
    if (type === "application/json") return this.#json(JSON.parse(Buffer.from(input).toString()));
    return { type, bytes: input.byteLength, first: input[0] };
  }
  #json({ kind }) {
    if (kind === "bytes") return Uint8Array.from([1, 2, 3]);
    if (kind === "image") return new Response(Uint8Array.from([1, 2, 3]), { headers: { "Content-Type": "image/png" } });
    if (kind === "typed") return { vector: Float32Array.from([0.1, 0.2, NaN]) };
    if (kind === "texts") return ["a", "b"].values();
    if (kind === "objects") return [{ a: 1 }, { a: 2 }].values();
    if (kind === "html") return new Response("<p>5</p>", { headers: { "content-type": "text/html" } });
    if (kind === "refuse") {
      throw Object.assign(new Error("no"), { [Symbol.for("purlin.HttpError")]: true, status: 422, detail: "no", code: "TOO_ODD" });
    }
    throw new Error("the inner reason");
  }
  embeddings({ input }) { return { data: [{ index: 0, embedding: Array.from({ length: 16 }, (_, i) => Math.sin(i + input.length)) }] }; }
}
`;
const SHA = createHash("sha256")
  .update(Uint8Array.from([1, 2, 3]))
  .digest("hex");

/** What the warm-up, and then \`purlin test\`, say of one example; null where both let it pass. */
function verdicts(t: TestContext, example: string, files: Record<string, Uint8Array> = {}) {
  const config = `runtime: { load_retries: 0 }\nexamples:\n  - name: one\n${example.replaceAll(/^/gm, "    ")}\n`;
  return verdictsOn(t, { model: MODEL, config, files });
}

async function verdictsOn(
  t: TestContext,
  { model, config, files }: { model: string; config: string; files: Record<string, Uint8Array> },
) {
  const dir = join(await tmpDir(t), "package");
  await writePackage(dir, model, config);
  for (const [path, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), bytes);
  }
  const listen = { port: 0, host: "127.0.0.1" };
  const runtime = startRuntime({ packageDir: dir, listen, env: {}, stdout: "ignore", stderr: "ignore" });
  t.after(() => runtime.stop({ graceMs: 1000 }));
  const warmUp = await runtime.ready.then(
    () => null,
    (error: unknown) => (isAppError(error) ? error.message : String(error)),
  );
  await runtime.stop();
  const { examples } = await test({ dir, report: silentReporter });
  return { warmUp, test: examples[0]?.reason ?? null };
}

const PASSING: [string, string, Record<string, Uint8Array>?][] = [
  ["bytes by their digest", `input: { kind: bytes }\noutput: { sha256: "${SHA}" }`],
  ["bytes by their size", "input: { kind: bytes }\noutput: { bytes: 3 }"],
  ["a Response of bytes", `input: { kind: image }\noutput: { bytes: 3, sha256: "${SHA.toUpperCase()}" }`],
  [
    "typed arrays, with NaN as null",
    "input: { kind: typed }\noutput: { vector: [0.1, 0.2, null] }\napprox: 1e-6",
  ],
  ["a stream of texts, joined", "input: { kind: texts }\noutput: ab"],
  ["a stream of objects, as a list", "input: { kind: objects }\noutput: [{ a: 1 }, { a: 2 }]"],
  ["a page", "input: { kind: html }\noutput: <p>5</p>"],
  ["a refusal that is wanted", "input: { kind: refuse }\nstatus: 422\noutput: { error: no, code: TOO_ODD }"],
  ["a failure that is wanted", "input: { kind: fail }\nstatus: 500"],
  [
    "a file as raw input",
    "input_file: samples/a.png\noutput: { type: image/png, bytes: 2, first: 137 }",
    { "data/samples/a.png": Uint8Array.from([137, 1]) },
  ],
  ["a file of JSON", "input_file: a.json\noutput: ab", { "data/a.json": Buffer.from('{"kind":"texts"}') }],
  [
    "another method, its vector by direction",
    `method: embeddings\ninput: { input: "" }\ncosine: 1e-6\noutput: { data: [{ index: 0, embedding: [${Array.from({ length: 16 }, (_, i) => 2 * Math.sin(i)).join(", ")}] }] }`,
  ],
];

/** Models of another kind, with the one example that holds for them. */
const OTHER_MODELS: [string, string, string, Record<string, Uint8Array>?][] = [
  [
    "predictBatch",
    "export class Model { predictBatch(inputs) { return inputs.map(({ x }) => ({ doubled: 2 * x })); } }",
    "runtime: { load_retries: 0, batching: { max_size: 4, max_wait_ms: 1 } }\nexamples: [{ name: one, input: { x: 2 }, output: { doubled: 4 } }]\n",
  ],
  [
    "preprocess and postprocess, in several processes",
    "export class Model { preprocess(input) { return input.x; } predict(x) { return x * 2; } postprocess(y) { return { y }; } }",
    "runtime: { load_retries: 0, workers: 2 }\nexamples: [{ name: one, input: { x: 2 }, output: { y: 4 } }]\n",
  ],
  [
    "a file of msgpack",
    "export class Model { predict({ x }) { return new Response(String(x * 2)); } }",
    "runtime: { load_retries: 0 }\nexamples: [{ name: one, input_file: a.msgpack, output: 6 }]\n",
    { "data/a.msgpack": Uint8Array.from([0x81, 0xa1, 0x78, 0x03]) },
  ],
];

const FAILING: [string, string, RegExp][] = [
  [
    "other bytes",
    `input: { kind: bytes }\noutput: { sha256: "${"0".repeat(64)}" }`,
    new RegExp(`the output is 3 bytes of application/octet-stream with the SHA-256 ${SHA}, expected 0000`),
  ],
  [
    "bytes that are expected to be JSON",
    "input: { kind: image }\noutput: { a: 1 }",
    /the output is 3 bytes of image\/png; write what is expected as \{sha256: "039058/,
  ],
  [
    "an answer that should have been a refusal",
    "input: { kind: texts }\nstatus: 400",
    /it was answered with 200, expected 400/,
  ],
  [
    "another refusal than expected",
    "input: { kind: refuse }\nstatus: 400",
    /it was answered with 422, expected 400/,
  ],
  [
    "a refusal with another text",
    "input: { kind: refuse }\nstatus: 422\noutput: { error: other, code: TOO_ODD }",
    /error is "no", expected "other"/,
  ],
  [
    "a vector too far away",
    `method: embeddings\ninput: { input: "" }\noutput: { data: [{ index: 0, embedding: { approx: [${Array.from({ length: 16 }, (_, i) => Math.sin(i + 1)).join(", ")}] } }] }`,
    /data\[0\]\.embedding differs in 16 of 16 numbers, most at \[\d+\].*cosine similarity 0\.5/,
  ],
  ["a file that is not there", "input_file: b.bin", /input_file cannot be read: ENOENT/],
];

describe("an example as a contract, in the warm-up and in purlin test alike", () => {
  for (const [what, example, files] of PASSING) {
    it(`passes: ${what}`, async (t) => {
      assert.deepEqual(await verdicts(t, example, files), { warmUp: null, test: null });
    });
  }
  for (const [what, model, config, files = {}] of OTHER_MODELS) {
    it(`passes, and fails with another output: ${what}`, async (t) => {
      assert.deepEqual(await verdictsOn(t, { model, config, files }), { warmUp: null, test: null });
      const other = config.replace(/output: (.*?)(\d)( \}|\})/, "output: $19$3");
      assert.notEqual(other, config);
      const { warmUp, test: reason } = await verdictsOn(t, { model, config: other, files });
      assert.match(warmUp ?? "", / is [46], expected 9/);
      assert.match(reason ?? "", / is [46], expected 9/);
    });
  }
  for (const [what, example, says] of FAILING) {
    it(`fails: ${what}`, async (t) => {
      const { warmUp, test: reason } = await verdicts(t, example);
      assert.match(warmUp ?? "", says);
      assert.match(reason ?? "", says);
    });
  }
});
