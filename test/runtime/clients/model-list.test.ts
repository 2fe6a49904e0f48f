// Issue 12, part 2, points 2 and 4: which models there are, as the clients of OpenAI, Anthropic and KServe ask.
import assert from "node:assert/strict";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI, { NotFoundError } from "openai";
import { makeProject } from "../../helpers/build-project.ts";
import { runModel } from "../../helpers/run-model.ts";
import { startTestHost } from "../../helpers/test-host.ts";

const clients = (url: string, apiKey: string) => ({
  openai: new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 }),
  anthropic: new Anthropic({ baseURL: url, apiKey, maxRetries: 0 }),
});

async function namesOf(list: AsyncIterable<{ id: string }>): Promise<string[]> {
  const names: string[] = [];
  for await (const { id } of list) names.push(id);
  return names;
}

async function jsonOf(answer: Promise<Response>): Promise<[number, Record<string, unknown>]> {
  const { status, body } = await answer.then(async (it) => ({ status: it.status, body: await it.json() }));
  return [status, body as Record<string, unknown>];
}

test("a running model is the one in the list, and one that is asked for by any name", async (t) => {
  const { url } = await runModel(t, "export class Model { predict() {} }");
  const { openai, anthropic } = clients(url, "none");
  assert.deepEqual(await namesOf(openai.models.list()), ["m"]);
  assert.deepEqual(await namesOf(anthropic.models.list()), ["m"]);
  const { id, object, created, owned_by } = await openai.models.retrieve("any/thing");
  assert.deepEqual([id, object, owned_by], ["any/thing", "model", "purlin"]);
  assert.ok(Math.abs(created - Date.now() / 1000) < 600);
  assert.equal((await anthropic.models.retrieve("m")).display_name, "m");
  const [status, body] = await jsonOf(fetch(`${url}/v1/models/other`));
  assert.deepEqual([status, body["name"], body["ready"]], [200, "other", true], "KServe's words");
});

test("while a model loads it is listed, and not ready under any protocol", async (t) => {
  const source = "export class Model { load() { return new Promise(() => {}); } predict() {} }";
  const { url } = await runModel(t, source, { ready: false });
  assert.deepEqual(await namesOf(clients(url, "none").openai.models.list()), ["m"]);
  const [status, body] = await jsonOf(fetch(`${url}/v1/models/m`));
  assert.deepEqual([status, body["name"], body["ready"], body["code"]], [503, "m", false, "MODEL_NOT_READY"]);
  assert.equal((await fetch(`${url}/v2/health/live`)).status, 200);
  assert.equal((await fetch(`${url}/v2/models/m/ready`)).status, 503);
});

test("by the Open Inference Protocol, a model of another name is not ready", async (t) => {
  const { url } = await runModel(t, "export class Model { predict(x) { return x; } }");
  for (const path of ["m", "m/ready", "m/versions/1/ready", "m@production/ready"])
    assert.equal((await fetch(`${url}/v2/models/${path}`)).status, 200, path);
  for (const path of ["n/ready", "mm/ready", "n/versions/1/ready", "%6E/ready"]) {
    const [status, body] = await jsonOf(fetch(`${url}/v2/models/${path}`));
    assert.deepEqual([status, body["code"]], [404, "NOT_FOUND"], path);
    assert.match(String(body["error"]), /There is no model \w+ here: this is m\./);
  }
});

test("a host lists the models that the key may call, and says whether they are ready", async (t) => {
  const host = await startTestHost(t);
  await host.ok(["remote", "add", "here", host.url]);
  for (const name of ["first", "second"]) {
    const files = {
      "config.yaml": `model_name: ${name}\n`,
      "model/model.ts": "export class Model { predict(x: any) { return { got: x }; } }",
    };
    await host.ok(["push", await makeProject(t, files)]);
  }
  const made = await host.ok(["keys", "create", "k", "--models", "second"]);
  const { key } = made as unknown as { key: string };
  const whole = clients(host.url, host.key);
  const part = clients(host.url, key);
  assert.deepEqual(await namesOf(whole.openai.models.list()), ["first", "second"]);
  assert.deepEqual(await namesOf(part.openai.models.list()), ["second"]);
  assert.deepEqual(await namesOf(part.anthropic.models.list()), ["second"]);
  const { id, object, owned_by } = await whole.openai.models.retrieve("first");
  assert.deepEqual([id, object, owned_by], ["first", "model", "purlin"]);
  await assert.rejects(whole.openai.models.retrieve("nosuch"), (error) => {
    assert.ok(error instanceof NotFoundError);
    assert.match(error.message, /nosuch/);
    return true;
  });
  const [, status] = await jsonOf(host.fetch("/v1/models/first"));
  assert.deepEqual([status["name"], status["ready"]], ["first", true]);
  const list = (await host.ok(["list"])) as unknown as { models: { model: string }[] };
  assert.deepEqual(
    list.models.map(({ model }) => model),
    ["first", "second"],
    "the command line",
  );

  assert.deepEqual(await jsonOf(host.fetch("/v2/health/live", { key: "" })), [
    200,
    { status: "live", live: true },
  ]);
  assert.deepEqual(await jsonOf(host.fetch("/v2/health/ready", { key: "" })), [
    200,
    { status: "ready", ready: true },
  ]);
  assert.equal((await host.fetch("/v2", { key: "" })).status, 401);
  const [, server] = await jsonOf(host.fetch("/v2"));
  assert.deepEqual([server["name"], server["extensions"]], ["purlin", ["binary_tensor_data"]]);
  assert.equal((await host.fetch("/v2/models/first@production/ready")).status, 200);
  assert.equal((await host.fetch("/v2/models/nosuch/ready")).status, 404);

  for (const path of [
    "/v1/models/first:predict",
    "/v1/models/first@production:predict_binary",
    "/models/first/production/sync/v1/models/any:predict_binary",
  ]) {
    const init = { method: "POST", body: '{"a":1}', headers: { "content-type": "application/json" } };
    assert.deepEqual(await jsonOf(host.fetch(path, init)), [200, { got: { a: 1 } }], path);
    // {"a": 1} in msgpack, whose type goes without saying where the route is for it.
    const packed = Uint8Array.of(0x81, 0xa1, 0x61, 1);
    if (!path.endsWith("_binary")) continue;
    const answer = await host.fetch(path, { method: "POST", body: packed });
    const got = Buffer.from([0x81, 0xa3, 0x67, 0x6f, 0x74, ...packed]);
    assert.deepEqual(Buffer.from(await answer.arrayBuffer()), got, path);
  }
  const foreign = await host.fetch("/v1/models/first:predict", { method: "POST", body: "1", key });
  assert.equal(foreign.status, 403);
});
