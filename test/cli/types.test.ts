import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { makeProject } from "../helpers/build-project.ts";
import { runCli } from "../helpers/run-cli.ts";
import { serveProject } from "../helpers/serve-project.ts";

const MODEL = `
interface Input { text: string }
export class Model {
  predict(input: Input): { label: "a" | "b" } { return { label: "a" }; }
  async *chatCompletions(input: unknown): AsyncGenerator<string> {}
}
`;
const TYPES = `// The types of the model test, made by \`purlin types\`. Changes here are lost when it is made again.

export interface Input {
  text: string;
}

export interface PredictOutput {
  label: "a" | "b";
}

/** What each method takes and answers; \`item\` where it streams. */
export interface Methods {
  predict: { input: Input; output: PredictOutput };
  chatCompletions: { input: unknown; output: string; item: string };
}
`;

it("prints the types of a project; --json has them as data", async (t) => {
  const dir = await makeProject(t, { "model/model.ts": MODEL });
  const printed = await runCli(["types"], { cwd: dir });
  assert.equal(printed.code, 0, printed.stderr);
  assert.equal(printed.stdout, TYPES);
  const json = (await runCli(["types", dir, "--json"])).json();
  assert.deepEqual(json, {
    model: "test",
    methods: ["predict", "chatCompletions"],
    output: null,
    content: TYPES,
  });
});

it("writes a file, in a folder that is not there yet, with nothing that the model does not need", async (t) => {
  const dir = await makeProject(t, { "model/model.ts": MODEL });
  const wrote = await runCli(["types", "--client", "ts", "-o", "web/api/client.ts"], { cwd: dir });
  assert.equal(wrote.stdout, "wrote web/api/client.ts (predict, chatCompletions)\n");
  const text = readFileSync(join(dir, "web/api/client.ts"), "utf8");
  assert.match(text, /predict\(input: Input, options\?: CallOptions\): Promise<PredictOutput>;/);
  assert.match(text, /chatCompletionsStream\(input: unknown, /);
  assert.doesNotMatch(text, /^import |formBody|bytesBody|isFiles|purlin:|node:/m);
});

it("a model whose types say nothing has a client, too", async (t) => {
  const dir = await makeProject(t);
  const { stdout } = await runCli(["types", dir]);
  assert.match(stdout, /predict: \{ input: unknown; output: unknown \};/);
});

it("asks a running model for the schemas of its class", async (t) => {
  const schema = `{
    "~standard": { version: 1, vendor: "test", validate: (value: unknown) => ({ value }),
      jsonSchema: { input: () => ({ type: "object", properties: { own: { type: "number" } } }), output: () => ({}) } },
  }`;
  const served = await serveProject(t, {
    "model/model.ts": `export class Model { static input = ${schema}; predict(input: any): string { return ""; } }`,
  });
  const { stdout } = await runCli(["types", "--from", `${served.url}/`]);
  assert.match(stdout, /export interface PredictInput \{\n {2}own\?: number;\n\}/);
  assert.match(stdout, /output: string/);
});

it("failures say what to do", async (t) => {
  const socket = await makeProject(t, {
    "model/model.ts": "export class Model { websocket(socket: any) {} }",
  });
  const none = await runCli(["types", socket]);
  assert.equal(none.code, 1);
  assert.match(none.stderr, /has no method that is called over HTTP/);
  assert.equal((await runCli(["types", join(socket, "nowhere")])).code, 1);
  assert.equal((await runCli(["types", socket, "--client", "python"])).code, 2);
  const away = await runCli(["types", "--from", "http://127.0.0.1:9"]);
  assert.equal(away.code, 1);
  assert.match(away.stderr, /Nothing listens/);
  const untyped = await serveProject(t, {});
  const unknown = await runCli(["types", "--from", untyped.url]);
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /declares no schema/);
});
