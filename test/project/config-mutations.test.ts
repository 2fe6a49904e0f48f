import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkConfig, validConfig } from "../helpers/check-config.ts";

const GOOD = `model_name: reader
description: Reads text.
model_class_name: Model
secrets:
  hf_access_token: null
environment_variables:
  LANG: en
examples:
  - name: one
    input: { text: hi }
    method: predict
resources:
  cpu: "1"
  memory: 2Gi
  accelerator: null
runtime:
  workers: 1
  predict_concurrency: 4
  predict_timeout_seconds: 30
  batching:
    max_size: 8
    max_wait_ms: 5
  transport:
    kind: http
  validate_output: true
build:
  external: [sharp]
  target: linux-x64
weights:
  - source: hf://org/model@main
    mount_location: /models/model
    auth_secret_name: hf_access_token
autoscaling:
  min_replicas: 1
  max_replicas: 2
environments:
  production:
    autoscaling:
      max_replicas: 4
    runtime:
      workers: auto
`;

interface Mutation {
  /** What is replaced in the good file, and by what. */
  change: [from: string, to: string];
  at: [line: number, column: number];
  /** Key path, as the message names it. */
  key: string;
  hint?: RegExp;
}

const MUTATIONS: Mutation[] = [
  // Names that are not known, with the one that was meant.
  { change: ["model_name:", "model_nme:"], at: [1, 1], key: "model_nme", hint: /model_name\?/ },
  { change: ["model_name:", "modelName:"], at: [1, 1], key: "modelName", hint: /model_name\?/ },
  { change: ["description:", "descripton:"], at: [2, 1], key: "descripton", hint: /description\?/ },
  {
    change: ["environment_variables:", "environment:"],
    at: [6, 1],
    key: "environment",
    hint: /environment_variables/,
  },
  { change: ["environment_variables:", "env:"], at: [6, 1], key: "env", hint: /environment_variables/ },
  { change: ["secrets:", "secret:"], at: [4, 1], key: "secret", hint: /secrets\?/ },
  {
    change: ["    input:", "    inputs:"],
    at: [10, 5],
    key: "examples[0].inputs",
    hint: /examples\[0\]\.input\?/,
  },
  { change: ["resources:", "resource:"], at: [12, 1], key: "resource", hint: /resources\?/ },
  { change: ["  memory:", "  mem:"], at: [14, 3], key: "resources.mem" },
  {
    change: ["  accelerator:", "  acelerator:"],
    at: [15, 3],
    key: "resources.acelerator",
    hint: /accelerator\?/,
  },
  {
    change: ["  accelerator: null", "  gpu: T4"],
    at: [15, 3],
    key: "resources.gpu",
    hint: /resources\.accelerator/,
  },
  { change: ["  workers: 1", "  worker: 1"], at: [17, 3], key: "runtime.worker", hint: /runtime\.workers\?/ },
  {
    change: ["  predict_concurrency", "  predict_concurency"],
    at: [18, 3],
    key: "runtime.predict_concurency",
    hint: /runtime\.predict_concurrency\?/,
  },
  {
    change: ["  predict_concurrency", "  predictConcurrency"],
    at: [18, 3],
    key: "runtime.predictConcurrency",
    hint: /runtime\.predict_concurrency\?/,
  },
  {
    change: ["predict_timeout_seconds", "predict_timeout_second"],
    at: [19, 3],
    key: "runtime.predict_timeout_second",
    hint: /predict_timeout_seconds\?/,
  },
  {
    change: ["    max_size", "    maxsize"],
    at: [21, 5],
    key: "runtime.batching.maxsize",
    hint: /runtime\.batching\.max_size\?/,
  },
  {
    change: ["    kind:", "    knd:"],
    at: [24, 5],
    key: "runtime.transport.knd",
    hint: /runtime\.transport\.kind\?/,
  },
  { change: ["  external:", "  externals:"], at: [27, 3], key: "build.externals", hint: /build\.external\?/ },
  { change: ["    mount_location", "    mount"], at: [31, 5], key: "weights[0].mount" },
  {
    change: ["  min_replicas", "  min_replica"],
    at: [34, 3],
    key: "autoscaling.min_replica",
    hint: /autoscaling\.min_replicas\?/,
  },
  { change: ["environments:", "enviroments:"], at: [36, 1], key: "enviroments", hint: /environments\?/ },
  // At depth four, in an environment.
  {
    change: ["    autoscaling:", "    autoscalling:"],
    at: [38, 5],
    key: "environments.production.autoscalling",
    hint: /environments\.production\.autoscaling\?/,
  },
  {
    change: ["      workers: auto", "      wokers: auto"],
    at: [41, 7],
    key: "environments.production.runtime.wokers",
    hint: /environments\.production\.runtime\.workers\?/,
  },
  {
    change: ["      workers: auto", "      workers: atuo"],
    at: [41, 16],
    key: "environments.production.runtime.workers",
    hint: /auto\?/,
  },
  {
    change: ["      max_replicas: 4", "      max_replicas: four"],
    at: [39, 21],
    key: "environments.production.autoscaling.max_replicas",
  },
  {
    change: ["    autoscaling:\n      max", "    environments:\n      max"],
    at: [38, 5],
    key: "environments.production.environments",
  },
  // In the wrong place.
  {
    change: ["description: Reads text.", "workers: 2"],
    at: [2, 1],
    key: "workers",
    hint: /runtime\.workers\?/,
  },
  {
    change: ["description: Reads text.", "max_replicas: 2"],
    at: [2, 1],
    key: "max_replicas",
    hint: /autoscaling\.max_replicas\?/,
  },
  {
    change: ["  validate_output", "  min_replicas"],
    at: [25, 3],
    key: "runtime.min_replicas",
    hint: /autoscaling\.min_replicas\?/,
  },
  {
    change: ["  target: linux-x64", "  predict_concurrency: 2"],
    at: [28, 3],
    key: "build.predict_concurrency",
    hint: /runtime\.predict_concurrency\?/,
  },
  // From another tool.
  {
    change: ["description: Reads text.", "requirements: [torch]"],
    at: [2, 1],
    key: "requirements",
    hint: /package\.json/,
  },
  {
    change: ["description: Reads text.", "python_version: py311"],
    at: [2, 1],
    key: "python_version",
    hint: /node_version/,
  },
  {
    change: ["description: Reads text.", "model_cache: []"],
    at: [2, 1],
    key: "model_cache",
    hint: /weights/,
  },
  // Of a wrong type.
  { change: ["model_name: reader", "model_name: Reader"], at: [1, 13], key: "model_name", hint: /reader\?/ },
  { change: ["model_name: reader", "model_name:"], at: [1, 12], key: "model_name", hint: /remove the line/ },
  { change: ["LANG: en", "PORT: 80"], at: [7, 3], key: "environment_variables.PORT" },
  { change: ["LANG: en", "PURLIN_MODE: x"], at: [7, 3], key: "environment_variables.PURLIN_MODE" },
  { change: ["LANG: en", "LANG:"], at: [7, 8], key: "environment_variables.LANG" },
  {
    change: ["method: predict", "method: chat_completions"],
    at: [11, 13],
    key: "examples[0].method",
    hint: /chatCompletions\?/,
  },
  { change: ['cpu: "1"', "cpu: 1"], at: [13, 8], key: "resources.cpu", hint: /quotes: "1"/ },
  { change: ["memory: 2Gi", "memory: 2GB"], at: [14, 11], key: "resources.memory", hint: /"2Gi"\?/ },
  {
    change: ["accelerator: null", "accelerator: A10"],
    at: [15, 16],
    key: "resources.accelerator",
    hint: /A10G\?/,
  },
  { change: ["  workers: 1", "  workers: one"], at: [17, 12], key: "runtime.workers" },
  {
    change: ["predict_concurrency: 4", 'predict_concurrency: "4"'],
    at: [18, 24],
    key: "runtime.predict_concurrency",
    hint: /without quotes: 4/,
  },
  {
    change: ["predict_concurrency: 4", "predict_concurrency: 0"],
    at: [18, 24],
    key: "runtime.predict_concurrency",
  },
  {
    change: ["predict_timeout_seconds: 30", "predict_timeout_seconds: 30s"],
    at: [19, 28],
    key: "runtime.predict_timeout_seconds",
  },
  { change: ["max_size: 8", "max_size: [8]"], at: [21, 15], key: "runtime.batching.max_size" },
  {
    change: ["kind: http", "kind: websockets"],
    at: [24, 11],
    key: "runtime.transport.kind",
    hint: /websocket\?/,
  },
  {
    change: ["validate_output: true", "validate_output: yes"],
    at: [25, 20],
    key: "runtime.validate_output",
    hint: /write true/,
  },
  {
    change: ["external: [sharp]", "external: sharp"],
    at: [27, 13],
    key: "build.external",
    hint: /\["sharp"\]/,
  },
  {
    change: ["target: linux-x64", "target: linux-x86"],
    at: [28, 11],
    key: "build.target",
    hint: /linux-x64\?/,
  },
  {
    change: ["  - source: hf://org/model@main", "  - source: org/model"],
    at: [30, 13],
    key: "weights[0].source",
  },
  {
    change: ["mount_location: /models", "mount_location: models"],
    at: [31, 21],
    key: "weights[0].mount_location",
  },
  {
    change: ["autoscaling:\n  min_replicas: 1", "autoscaling:\n  min_replicas: 3"],
    at: [34, 3],
    key: "autoscaling.min_replicas",
  },
  { change: ["runtime:\n  workers: 1", "runtime: 5\nxruntime:\n  workers: 1"], at: [16, 10], key: "runtime" },
  {
    change: ["secrets:\n  hf_access_token: null", "secrets:\n  - hf_access_token"],
    at: [4, 1],
    key: "secrets",
    hint: /hf_access_token: null/,
  },
  {
    change: ["secrets:\n  hf_access_token: null", "secrets:\n  hf_access_token: abc"],
    at: [5, 3],
    key: "secrets.hf_access_token",
    hint: /\.env/,
  },
  // Missing, doubled, contradictory.
  {
    change: ["  - name: one\n    input: { text: hi }", "  - name: one\n    # none"],
    at: [9, 5],
    key: "examples[0].input",
    hint: /input:/,
  },
  {
    change: ["description: Reads text.", "model_name: again"],
    at: [2, 1],
    key: "model_name",
    hint: /one of the two/,
  },
  {
    change: ["  validate_output: true", "  workers: 3"],
    at: [25, 3],
    key: "runtime.workers",
    hint: /one of the two/,
  },
  {
    change: ["predict_timeout_seconds: 30", "predict_timeout_seconds: 0.005"],
    at: [22, 5],
    key: "runtime.batching.max_wait_ms",
  },
  { change: ["kind: http", "kind: websocket"], at: [20, 3], key: "runtime.batching" },
  {
    change: ["kind: http", "ping_interval_seconds: 5"],
    at: [24, 5],
    key: "runtime.transport.ping_interval_seconds",
  },
];

describe("a config.yaml with one mistake", () => {
  it("is valid without it", () => {
    assert.equal(validConfig(GOOD).model_name, "reader");
  });

  for (const { change, at, key, hint } of MUTATIONS) {
    const [from, to] = change;
    it(`${JSON.stringify(from)} as ${JSON.stringify(to)} is found at ${at.join(":")} as ${key}`, () => {
      assert.equal(GOOD.split(from).length > 1, true, "the good file holds what is changed");
      const text = GOOD.replace(from, to);
      const { error, problems } = checkConfig(text);
      assert.match(error?.code ?? "valid", /^(CONFIG_INVALID|SECRET_IN_CONFIG)$/);
      const problem = problems.find(
        ({ message, location }) =>
          message.includes(`\`${key}\``) && location?.line === at[0] && location.column === at[1],
      );
      assert.ok(problem, `among ${JSON.stringify(problems, null, 1)}`);
      assert.equal(problem.location?.file, "config.yaml");
      if (error?.code === "CONFIG_INVALID")
        assert.equal(problem.location?.lineText, text.split("\n")[at[0] - 1]);
      if (hint) assert.match(problem.hint ?? "", hint);
    });
  }

  it("there are more than forty of them", () => {
    assert.ok(MUTATIONS.length >= 40);
  });
});

describe("a config.yaml with many mistakes", () => {
  it("has all of them reported at once, in the order of the file", () => {
    const changes: [string, string][] = [
      ["description:", "descripton:"],
      ['cpu: "1"', "cpu: 1"],
      ["predict_concurrency: 4", "predict_concurrency: 0"],
      ["kind: http", "kind: websocket"],
      ["target: linux-x64", "target: linux-x86"],
      ["min_replicas: 1", "min_replicas: 9"],
      ["workers: auto", "wokers: auto"],
    ];
    const text = changes.reduce((before, [from, to]) => before.replace(from, to), GOOD);
    const { error, problems } = checkConfig(text);
    const lines = problems.map(({ location }) => location?.line ?? 0);
    // examples and batching contradict the transport; min_replicas is above both max_replicas.
    assert.deepEqual(lines, [2, 8, 13, 18, 20, 28, 34, 38, 41]);
    assert.equal(error?.message, "config.yaml has 9 problems.");
  });

  it("what contradicts is found beside what is wrong alone", () => {
    const { problems } = checkConfig(
      "runtime: {workers: x}\nautoscaling: {min_replicas: 2, max_replicas: 1}\n",
    );
    assert.deepEqual(
      problems.map(({ location }) => location?.line),
      [1, 2],
    );
  });

  it("a memory limit that the replica could not keep is refused, times the workers too", () => {
    const problemsOf = (runtime: string, memory = "2Gi"): string[] =>
      checkConfig(`runtime: {${runtime}}\nresources: {memory: ${memory}}\n`).problems.map(
        ({ message }) => message,
      );
    assert.match(
      problemsOf("memory_limit: 3GiB").join(),
      /`runtime\.memory_limit` is above resources\.memory \(2Gi\)/,
    );
    assert.match(
      problemsOf("workers: 3, memory_limit: 1GiB").join(),
      /`runtime\.memory_limit` times runtime\.workers \(3\) is above resources\.memory \(2Gi\)/,
    );
    assert.deepEqual(problemsOf("workers: 3, memory_limit: 1GiB", "4Gi"), []);
    assert.deepEqual(problemsOf("workers: auto, memory_limit: 1GiB"), []);
  });

  it("both of two doubled sections are checked", () => {
    const { problems } = checkConfig("runtime:\n  wokers: 1\nruntime:\n  spare: 5\n");
    assert.deepEqual(
      problems.map(({ message, location }) => [location?.line, message.split(" ").slice(0, 3).join(" ")]),
      [
        [2, "unknown key `runtime.wokers`"],
        [3, "`runtime` is given"],
        [4, "`runtime.spare` must be"],
      ],
    );
  });
});
