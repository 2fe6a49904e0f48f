// Issue 12, part 2, point 7: no proxy is to hold back what is streamed, or to keep it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { runModel } from "../helpers/run-model.ts";

const MODEL = `
const items = { texts: ["a", "b"], objects: [{ n: 1 }], bytes: [new Uint8Array([1])], none: [] };
const body = () => new ReadableStream({ start(c) { c.enqueue(new TextEncoder().encode("x")); c.close(); } });
export class Model {
  predict(kind) {
    if (kind === "whole") return { n: 1 };
    if (kind === "response") return new Response(body());
    if (kind === "own") return new Response(body(), { headers: { "Cache-Control": "max-age=9", "X-Accel-Buffering": "yes" } });
    if (kind === "sized") return new Response("xyz", { headers: { "content-length": "3" } });
    return items[kind].values();
  }
  async *chatCompletions() { yield { choices: [] }; }
}`;

test("every kind of stream says that it is neither to be buffered nor kept; whole answers and the model's own word stay", async (t) => {
  const { url } = await runModel(t, MODEL);
  const ask = async (kind: string, accept?: string, path = "/predict"): Promise<(string | null)[]> => {
    const headers: Record<string, string> = accept === undefined ? {} : { accept };
    const input = path === "/predict" ? kind : { stream: true };
    const answer = await fetch(url + path, { method: "POST", body: JSON.stringify(input), headers });
    await answer.arrayBuffer();
    return [answer.headers.get("cache-control"), answer.headers.get("x-accel-buffering")];
  };
  for (const kind of ["texts", "objects", "bytes", "none", "response"])
    assert.deepEqual(await ask(kind), ["no-store", "no"], kind);
  assert.deepEqual(await ask("objects", "text/event-stream"), ["no-store", "no"]);
  assert.deepEqual(await ask("", undefined, "/v1/chat/completions"), ["no-store", "no"]);
  assert.deepEqual(await ask("own"), ["max-age=9", "yes"]);
  for (const kind of ["whole", "sized"]) assert.deepEqual(await ask(kind), [null, null], kind);
  assert.deepEqual(await ask("objects", "application/json"), [null, null], "gathered");
});
