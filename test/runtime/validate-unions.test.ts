// Found by schemathesis (issue 12, part 2, point 3): what is no object passed for every member of a tagged union.
import assert from "node:assert/strict";
import { test } from "node:test";
import { serveProject } from "../helpers/serve-project.ts";
import { until } from "../helpers/until.ts";

const MODEL = `
type Part = { kind: "beam"; name: string } | { kind: "plate"; holes?: string[] };
export class Model {
  predict(input: { parts: Part[]; one?: Part }) { return input.parts.length; }
}`;

test("a member of a tagged union is an object of one of its kinds, and nothing else", async (t) => {
  const { url, post } = await serveProject(t, {
    "config.yaml": "model_name: m\nruntime: { validate_types: true }\n",
    "model/model.ts": MODEL,
  });
  await until(async () => (await fetch(`${url}/health/ready`)).status === 200);
  const statusOf = async (input: unknown): Promise<number> => (await post("/predict", input)).status;
  const beam = { kind: "beam", name: "a" };
  assert.equal(await statusOf({ parts: [beam, { kind: "plate" }], one: beam }), 200);
  for (const wrong of [[null, null], [], null, 1, "beam", true, {}, { kind: "none" }, { kind: "beam" }]) {
    assert.equal(await statusOf({ parts: [beam, wrong] }), 400, JSON.stringify(wrong));
    assert.equal(await statusOf({ parts: [], one: wrong }), 400, JSON.stringify(wrong));
  }
});

test("a date is one that the calendar has, at a time that the clock has", async (t) => {
  const { url, post } = await serveProject(t, {
    "config.yaml": "model_name: m\nruntime: { validate_types: true }\n",
    "model/model.ts": "export class Model { predict(input: { at: Date }) { return input.at; } }",
  });
  await until(async () => (await fetch(`${url}/health/ready`)).status === 200);
  const statusOf = async (at: string): Promise<number> => (await post("/predict", { at })).status;
  for (const at of ["2024-02-29T23:59:59.123Z", "2000-02-29T00:00:00Z", "2023-12-31T07:08:09+23:59"])
    assert.equal(await statusOf(at), 200, at);
  for (const at of [
    "2024-01-01T12:99:00Z",
    "2024-01-01T24:00:00Z",
    "2024-13-01T00:00:00Z",
    "2024-04-31T00:00:00Z",
    "2023-02-29T00:00:00Z",
    "1900-02-29T00:00:00Z",
    "2024-00-10T00:00:00Z",
    "2024-01-01T00:00:00+24:00",
    "2024-01-01",
    "soon",
  ])
    assert.equal(await statusOf(at), 400, at);
});
