import assert from "node:assert/strict";
import { it, test } from "node:test";
import { build } from "esbuild";
import { runModel } from "../helpers/run-model.ts";
import { until } from "../helpers/until.ts";

async function withZod(text: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: `import { z } from "zod";\n${text}`, resolveDir: process.cwd(), loader: "ts" },
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    logLevel: "silent",
  });
  return outputFiles[0]?.text ?? "";
}

const MODEL = `
export class Model {
  static input = z.object({ prompt: z.string().min(1), n: z.number().int().default(2), tags: z.array(z.object({ name: z.string() })).optional() });
  static output = z.object({ text: z.string() });
  seen = 0;
  preprocess(input) { this.seen++; return input; }
  predict({ prompt, n }) { return prompt === "bad output" ? { text: 5 } : { text: prompt.repeat(n), seen: this.seen }; }
}`;

it("typed input is checked before preprocess, with paths; schemas are published", async (t) => {
  const { predict, url } = await runModel(t, await withZod(MODEL), { env: { PURLIN_MODE: "development" } });
  assert.deepEqual(await (await predict({ prompt: "a" })).json(), { text: "aa", seen: 1 });
  const response = await predict({ prompt: "", tags: [{ name: "x" }, { name: 5 }] });
  assert.equal(response.status, 400);
  const { code, details } = (await response.json()) as {
    code: string;
    details: { path: string; message: string }[];
  };
  assert.equal(code, "INVALID_INPUT");
  assert.deepEqual(details.map(({ path }) => path).sort(), ["prompt", "tags[1].name"]);
  assert.deepEqual(await (await predict({ prompt: "b", n: 1 })).json(), { text: "b", seen: 2 });

  for (const path of ["/schema", "/v1/models/m/schema"]) {
    const schema = (await (await fetch(url + path)).json()) as Record<string, { properties: object }>;
    assert.deepEqual(Object.keys(schema["input"]?.properties ?? {}), ["prompt", "n", "tags"]);
    assert.deepEqual(Object.keys(schema["output"]?.properties ?? {}), ["text"]);
  }
  const api = (await (await fetch(`${url}/openapi.json`)).json()) as { openapi: string; paths: object };
  assert.match(api.openapi, /^3\.1/);
  const called = ["/predict", "/invocations", "/v1/models/{model}:predict"];
  assert.deepEqual(Object.keys(api.paths).slice(0, 4), [...called, "/v2/models/{model}/infer"]);
});

it("a wrong output is logged with its path in development, and still answered", async (t) => {
  const development = await runModel(t, await withZod(MODEL), { env: { PURLIN_MODE: "development" } });
  assert.equal((await development.predict({ prompt: "bad output" })).status, 200);
  await until(() =>
    development.logs().some(({ level, message }) => level === "error" && message.includes("text")),
  );
  const production = await runModel(t, await withZod(MODEL));
  await production.predict({ prompt: "bad output" });
  await production.predict({ prompt: "x" });
  assert.ok(!production.logText().includes("breaks its schema"));
});

interface OpenApiDocument {
  openapi: string;
  servers: { url: string }[];
  security: object[];
  paths: Record<string, Record<string, { responses: object }>>;
  components: { securitySchemes?: object; parameters: { OwnModel: { schema: { enum: string[] } } } };
}

test("a model without any schema has a document with open ones; /schema says that it has none", async (t) => {
  const { url } = await runModel(t, "export class Model { predict() {} embeddings() {} }");
  assert.equal((await fetch(`${url}/schema`)).status, 404);
  const answer = await fetch(`${url}/openapi.json`);
  assert.equal(answer.status, 200);
  const api = (await answer.json()) as OpenApiDocument;
  assert.deepEqual([api.openapi, api.servers, api.security], ["3.1.0", [{ url: "/" }], []]);
  for (const path of ["/predict", "/v1/embeddings", "/v2/models/{model}/infer", "/v1/models"])
    assert.ok(api.paths[path], path);
  assert.deepEqual(api.components.parameters.OwnModel.schema.enum, ["m"]);
  assert.equal(api.components.securitySchemes, undefined);
});

test("the document's server is where a proxy or a host says that the routes are", async (t) => {
  const { url } = await runModel(t, "export class Model { predict() {} }");
  const documentFor = async (headers: Record<string, string>): Promise<OpenApiDocument> =>
    (await (await fetch(`${url}/openapi.json`, { headers })).json()) as OpenApiDocument;
  assert.deepEqual((await documentFor({ "x-forwarded-prefix": "/ml/" })).servers, [{ url: "/ml" }]);
  for (const bad of ["//elsewhere/x", "https://elsewhere", "no/slash", `/${"x".repeat(2000)}`, '/"', "/"])
    assert.deepEqual((await documentFor({ "x-forwarded-prefix": bad })).servers, [{ url: "/" }], bad);
  const path = "/models/m/production/sync";
  const below = await documentFor({ "x-purlin-deployment-path": path, "x-forwarded-prefix": "/ml" });
  assert.deepEqual([below.servers, below.security], [[{ url: path }], [{ key: [] }, { apiKey: [] }]]);
  for (const operations of Object.values(below.paths))
    for (const { responses } of Object.values(operations))
      for (const status of ["401", "403", "404", "502", "503"]) assert.ok(status in responses);
});
