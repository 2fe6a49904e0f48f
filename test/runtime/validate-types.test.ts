import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import { serveProject, type ServedProject } from "../helpers/serve-project.ts";
import { until } from "../helpers/until.ts";

const CHECKED = "model_name: typed\nruntime:\n  validate_types: true\n";
const PROMPT =
  "export class Model { predict(input: { prompt: string }) { return { generated_text: input.prompt }; } }";

interface Refusal {
  error: string;
  code: string;
  details: { path: string; message: string }[];
}

const serve = (t: TestContext, model: string, config = CHECKED): Promise<ServedProject> =>
  serveProject(t, { "config.yaml": config, "model/model.ts": model });

async function refusal(served: ServedProject, input: unknown): Promise<Refusal> {
  const answer = await served.post("/predict", input);
  assert.equal(answer.status, 400);
  return (await answer.json()) as Refusal;
}

it("an input that breaks the type of predict is a 400 that names the place (H7, H8)", async (t) => {
  const served = await serve(t, PROMPT);
  const right = await served.post("/predict", { prompt: "value", extra: 1 });
  assert.deepEqual([right.status, await right.json()], [200, { generated_text: "value" }]);
  const wrong = await refusal(served, { bad_key: "v" });
  assert.equal(wrong.code, "INVALID_INPUT");
  assert.equal(wrong.error, "Input: prompt: is missing");
  assert.deepEqual(wrong.details, [{ path: "prompt", message: "is missing" }]);
});

it("every fault is told with its path; that of a union by its branches", async (t) => {
  const served = await serve(
    t,
    `type Shape = { kind: "circle"; r: number } | { kind: "square"; side: number };
     interface Input {
       /** @minLength 2 */ text: string; tags?: ("a" | "b")[]; shape?: Shape; either?: string | number;
       deep?: string | { at: { n: number } }; when?: Date; vector?: Float32Array; "odd/name"?: { "~": 1 };
     }
     export class Model { predict(input: Input) { return "ok"; } }`,
  );
  const faults = async (input: object): Promise<string[]> =>
    (await refusal(served, { text: "ab", ...input })).details.map(
      ({ path, message }) => `${path}: ${message}`,
    );
  assert.deepEqual(await faults({ text: "", tags: ["a", "c"] }), [
    "text: must NOT have fewer than 2 characters",
    'tags[1]: must be "a" or "b"',
  ]);
  assert.deepEqual(await faults({ shape: { kind: "circle" } }), ["shape.r: is missing"]);
  assert.deepEqual(await faults({ shape: { kind: "tri" } }), [
    'shape.kind: names none of the types that it may have: "tri"',
  ]);
  assert.deepEqual(await faults({ either: true }), ["either: must be string or number"]);
  assert.deepEqual(await faults({ deep: { at: { n: "x" } } }), [
    "deep: fits none of the types that it may have: at.n must be number",
  ]);
  assert.deepEqual(await faults({ "odd/name": { "~": 2 } }), ["odd/name.~: must be 1"]);
  assert.deepEqual(await faults({ when: "yesterday" }), ['when: must match format "date-time"']);
  const root = await refusal(served, "3");
  assert.equal(root.error, "Input: (root): must be object");
  // Two characters, not the four units that they are made of.
  assert.equal((await served.post("/predict", { text: "👍👍", when: "2026-01-02T03:04:05Z" })).status, 200);
  assert.deepEqual(await faults({ text: "👍" }), ["text: must NOT have fewer than 2 characters"]);
});

it("a large input is told its first fault, and at once", async (t) => {
  const served = await serve(t, "export class Model { predict(input: { list: number[] }) { return 1; } }");
  const { details } = await refusal(served, { list: Array.from({ length: 300_000 }, () => "x") });
  assert.deepEqual(details, [{ path: "list[0]", message: "must be number" }]);
  const few = await refusal(served, { list: Array.from({ length: 300 }, () => "x") });
  assert.equal(few.details.length, 100);
});

it("checked before preprocess; the class's own schema counts more than the type", async (t) => {
  const served = await serve(
    t,
    `const Any = { "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }) } };
     export class Model {
       static input = { chatCompletions: Any };
       static seen = 0;
       preprocess(input: { n: number }) { Model.seen++; return input; }
       predict(input: { n: number }) { return Model.seen; }
       chatCompletions(input: { must: string }) { return "taken"; }
     }`,
  );
  await refusal(served, {});
  assert.equal(await (await served.post("/predict", { n: 1 })).json(), 1);
  assert.equal(await (await served.post("/v1/chat/completions", {})).json(), "taken");
});

it("an output that breaks its type is logged with the path, where outputs are checked", async (t) => {
  const model =
    "export class Model { predict(input: { n: unknown; s: string }): { n: number } { return input as any; } }";
  const served = await serve(t, model, `${CHECKED}  validate_output: true\n`);
  const answer = await served.post("/predict", { n: "no number", s: "" });
  assert.deepEqual(await answer.json(), { n: "no number", s: "" });
  await until(() => served.logText().includes("The output breaks its schema at n: must be number"));
});

it("an output is checked as its client sees it: dates, typed arrays, what is undefined", async (t) => {
  const served = await serve(
    t,
    `export class Model {
      predict(input: { wrong: boolean }): { when: Date; vector: Float32Array; list: (string | undefined)[]; none?: string } {
        const list = [undefined, input.wrong ? 3 as any : "a"];
        return { when: new Date(0), vector: new Float32Array(2), list, none: undefined };
      }
    }`,
    `${CHECKED}  validate_output: true\n`,
  );
  const right = await served.post("/predict", { wrong: false });
  assert.deepEqual(await right.json(), {
    when: "1970-01-01T00:00:00.000Z",
    vector: [0, 0],
    list: [null, "a"],
  });
  await served.post("/predict", { wrong: true });
  await until(() => served.logText().includes("breaks its schema at list[1]: must be"));
  assert.equal(served.logText().match(/breaks its schema/g)?.length, 1);
});

it("without validate_types the types are for reading only; /schema has them (H9, F19)", async (t) => {
  const served = await serve(t, PROMPT, "model_name: typed\n");
  assert.equal((await served.post("/predict", { bad_key: "v" })).status, 200);
  const { status, body } = await served.get("/v1/models/any/schema");
  assert.equal(status, 200);
  const input = { type: "object", properties: { prompt: { type: "string" } }, required: ["prompt"] };
  const output = {
    type: "object",
    properties: { generated_text: { type: "string" } },
    required: ["generated_text"],
  };
  const predict = { input, output, supports_streaming: false };
  assert.deepEqual(body, { ...predict, methods: { predict } });
  assert.deepEqual((await served.get("/schema")).body, body);
  const none = await serve(
    t,
    "export class Model { predict(input: unknown) { return input; } }",
    "model_name: m\n",
  );
  assert.deepEqual((await none.get("/schema")).status, 404);
});

it("a generator streams: no output, its items; where both can happen, both are told (H9)", async (t) => {
  const streaming = await serve(
    t,
    "export class Model { async *predict(input: { n: number }): AsyncGenerator<string> { yield 'a'; } }",
    "model_name: m\n",
  );
  const only = (await streaming.get("/schema")).body as Record<string, unknown>;
  assert.deepEqual([only["output"], only["supports_streaming"]], [null, true]);
  assert.deepEqual(only["item"], { type: "string" });
  const either = await serve(
    t,
    "export class Model { predict(input: { n: number }): { a: 1 } | AsyncGenerator<string> { return { a: 1 }; } }",
    "model_name: m\n",
  );
  const both = (await either.get("/schema")).body as Record<string, Record<string, unknown>>;
  assert.deepEqual([both["output"]?.["type"], both["supports_streaming"]], ["object", true]);
});
