import assert from "node:assert/strict";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { it } from "node:test";
import { runModel, writePackage } from "../helpers/run-model.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";
import { until } from "../helpers/until.ts";

const CONFIG = "secrets: {api_key: null, other-one: null, unset: null}";
const MODEL = `export class Model {
  constructor({ secrets }) { this.secrets = secrets; }
  predict(name) {
    if (name === "log") { console.log("the key is", this.secrets.api_key); return null; }
    if (name === "throw") throw new Error("bad key " + this.secrets.api_key);
    return { get: this.secrets.get(name) ?? null, has: name in this.secrets, keys: Object.keys(this.secrets) };
  }
  chatCompletions(name) { return this.secrets[name]; }
}`;

it("a secret is read from file, environment and .env, first wins, and a rotation is seen at once", async (t) => {
  const dir = await tmpDir(t);
  await mkdir(join(dir, "secrets"));
  await writeFile(join(dir, ".env"), "# local\napi_key=from-dotenv\nexport other-one='from dotenv'\n");
  const env = {
    PURLIN_SECRETS_DIR: join(dir, "secrets"),
    PURLIN_DOTENV: join(dir, ".env"),
    PURLIN_SECRET_API_KEY: "from-env",
  };
  const { predict } = await runModel(t, MODEL, { config: CONFIG, env });
  const get = async (name: string): Promise<unknown> =>
    ((await (await predict(name)).json()) as { get: unknown }).get;
  assert.equal(await get("api_key"), "from-env");
  assert.equal(await get("other-one"), "from dotenv");
  await writeFile(join(dir, "secrets/api_key"), "from-file\n");
  assert.equal(await get("api_key"), "from-file");
  await writeFile(join(dir, "secrets/api_key"), "rotated");
  assert.equal(await get("api_key"), "rotated");
  await rm(join(dir, "secrets/api_key"));
  assert.equal(await get("api_key"), "from-env");
});

it("only declared secrets exist; a missing value throws where it is read and says where to set it", async (t) => {
  const { predict, url, logText } = await runModel(t, MODEL, { config: CONFIG });
  assert.deepEqual(await (await predict("unset")).json(), { get: null, has: false, keys: [] });
  assert.deepEqual(await (await predict("undeclared")).json(), { get: null, has: false, keys: [] });
  const read = (name: string): Promise<Response> =>
    fetch(`${url}/v1/chat/completions`, { method: "POST", body: JSON.stringify(name) });
  assert.equal((await read("unset")).status, 500);
  await until(() => logText().includes("PURLIN_SECRET_UNSET"));
  assert.equal((await read("undeclared")).status, 500);
  await until(() => logText().includes("Secret 'undeclared' is not declared"));
});

it("no value of a secret reaches a log line", async (t) => {
  const value = 'sk-"quoted"\\and-long';
  const { predict, logText } = await runModel(t, MODEL, {
    config: CONFIG,
    env: { PURLIN_SECRET_API_KEY: value },
  });
  await predict("log");
  await predict("throw", { headers: {} });
  await until(() => logText().includes("bad key ***") && logText().includes("the key is ***"));
  assert.ok(!logText().includes("quoted"), logText());
});

it("a secret that only a later config declares is masked from its first line on", async (t) => {
  const model = await runModel(t, MODEL, { env: { PURLIN_SECRET_API_KEY: "declared-later" } });
  const next = `${model.dir}-next`;
  await writePackage(next, MODEL, CONFIG);
  await model.runtime.reload({ dir: next, digest: "sha256:next" }, "process");
  await model.predict("log");
  await until(() => model.logText().includes("the key is ***"));
  assert.ok(!model.logText().includes("declared-later"), model.logText());
});
