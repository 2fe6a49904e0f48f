import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { configForEnvironment } from "../../src/project/config-for-environment.ts";
import { checkConfig, validConfig } from "../helpers/check-config.ts";

const TEXT = `
model_name: reader
environment_variables: {A: 1, B: x}
examples: [{name: one, input: 1}]
runtime:
  workers: 2
  streaming_read_timeout: 9
  batching: {max_size: 8}
  transport: {kind: http}
autoscaling: {max_replicas: 3}
environments:
  production:
    environment_variables: {B: 1.50}
    examples: []
    resources: {memory: 4Gi, accelerator: "T4:1"}
    runtime:
      streaming_read_timeout: 30
      max_body_bytes: 1GiB
      batching: {max_wait_ms: 0}
    autoscaling: {min_replicas: 2}
  sockets:
    examples: []
    runtime: {batching: null, transport: {kind: websocket, ping_interval_seconds: 20}}
  empty:
`;

describe("environments", () => {
  it("overrides stand in the config as written, in their normal form, without defaults", () => {
    assert.deepEqual(validConfig(TEXT).environments, {
      production: {
        environment_variables: { B: "1.50" },
        examples: [],
        resources: { memory: "4Gi", accelerator: "T4" },
        runtime: {
          max_body_bytes: 1024 ** 3,
          batching: { max_wait_ms: 0 },
          streaming_read_timeout_seconds: 30,
        },
        autoscaling: { min_replicas: 2 },
      },
      sockets: {
        examples: [],
        runtime: {
          batching: null,
          transport: {
            kind: "websocket",
            ping_interval_seconds: 20,
            ping_timeout_seconds: null,
            permessage_deflate: false,
          },
        },
      },
      empty: {},
    });
  });

  it("maps are merged key by key, lists and transport replaced", () => {
    const base = validConfig(TEXT);
    const production = configForEnvironment(base, "production");
    assert.deepEqual(production, {
      ...base,
      environment_variables: { A: "1", B: "1.50" },
      examples: [],
      resources: { cpu: "1", memory: "4Gi", accelerator: "T4" },
      runtime: {
        ...base.runtime,
        streaming_read_timeout_seconds: 30,
        max_body_bytes: 1024 ** 3,
        batching: { max_size: 8, max_wait_ms: 0, isolate_errors: false },
      },
      autoscaling: { ...base.autoscaling, min_replicas: 2, max_replicas: 3 },
    });
    assert.deepEqual(configForEnvironment(base, "sockets").runtime.transport, {
      kind: "websocket",
      ping_interval_seconds: 20,
      ping_timeout_seconds: null,
      permessage_deflate: false,
    });
  });

  it("an environment without overrides has the config as it is", () => {
    const base = validConfig(TEXT);
    assert.deepEqual(configForEnvironment(base, "empty"), base);
    assert.equal(configForEnvironment(base, "staging"), base);
    assert.equal(configForEnvironment(base, "toString"), base);
  });

  it("the merged config is frozen", () => {
    const { runtime } = configForEnvironment(validConfig(TEXT), "production");
    assert.throws(() => Object.assign(runtime, { workers: 5 }), TypeError);
  });

  it("what contradicts only in an environment is found there", () => {
    const { problems } = checkConfig(`autoscaling:
  max_replicas: 2
environments:
  production:
    autoscaling:
      min_replicas: 5
`);
    assert.equal(problems.length, 1);
    assert.match(
      problems[0]?.message ?? "",
      /environments\.production\.autoscaling\.min_replicas` is greater/,
    );
    assert.deepEqual([problems[0]?.location?.line, problems[0]?.location?.column], [6, 7]);
  });

  it("examples doubled in an environment are found there", () => {
    const { problems } = checkConfig(
      "environments:\n  dev:\n    examples: [{name: a, input: 1}, {name: a, input: 2}]\n",
    );
    assert.match(problems[0]?.message ?? "", /environments\.dev\.examples\[1\]\.name/);
    assert.equal(problems[0]?.location?.line, 3);
  });

  it("names of environments are checked, and neither model_name nor environments can be overridden", () => {
    const { problems } = checkConfig(
      "environments:\n  Prod_1: {}\n  dev: {model_name: x}\n  test: {environments: {}}\n",
    );
    assert.deepEqual(
      problems.map(({ location }) => location?.line),
      [2, 3, 4],
    );
  });

  it("an override of what makes the package is a warning", () => {
    const { warnings } = checkConfig("environments: {dev: {build: {external: [sharp]}}}\n");
    assert.match(warnings[0]?.message ?? "", /environments\.dev\.build` has no effect/);
  });
});
