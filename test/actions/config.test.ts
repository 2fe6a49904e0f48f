import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { configCheck, configSchema, configShow } from "../../src/actions/config.ts";
import { makeTree } from "../helpers/make-tree.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";

const TEXT = `model_name: reader
environment_variables: {OPENAI_API_KEY: abc}
environments: {production: {runtime: {workers: 4}}}
`;

describe("config", () => {
  it("show gives every key, with an environment's overrides where one is named", async (t) => {
    const dir = await tmpDir(t);
    await makeTree(dir, { "config.yaml": TEXT });
    const config = await configShow({ dir });
    assert.deepEqual([config.runtime.workers, config.autoscaling.min_replicas], [1, 1]);
    assert.equal((await configShow({ dir, environment: "production" })).runtime.workers, 4);
    assert.deepEqual(await configShow({ dir, environment: "staging" }), config);
  });

  it("check answers with name, environments and warnings", async (t) => {
    const dir = await tmpDir(t);
    await makeTree(dir, { "config.yaml": TEXT, "model/model.ts": "export class Model {}" });
    const { warnings, ...rest } = await configCheck({ dir });
    assert.deepEqual(rest, {
      ok: true,
      file: "config.yaml",
      model_name: "reader",
      environments: ["production"],
    });
    assert.match(warnings[0]?.message ?? "", /OPENAI_API_KEY/);
  });

  it("check fails where the model file is missing, as build would", async (t) => {
    const dir = await tmpDir(t);
    await makeTree(dir, { "config.yaml": TEXT });
    await assert.rejects(configCheck({ dir }), { code: "MODEL_NOT_FOUND" });
  });

  it("schema is a JSON Schema", () => {
    assert.match(String(configSchema()["$schema"]), /json-schema\.org/);
  });
});
