import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkConfig, validConfig } from "../helpers/check-config.ts";
import { valueAt } from "../../src/project/key-path.ts";

const DEFAULTS = {
  model_name: "my-folder",
  description: null,
  model_metadata: {},
  model_module_dir: "model",
  model_class_filename: "model.ts",
  model_class_name: "Model",
  data_dir: "data",
  secrets: {},
  environment_variables: {},
  examples: [],
  resources: { cpu: "1", memory: "2Gi", accelerator: null },
  runtime: {
    workers: 1,
    predict_concurrency: 1,
    max_queue: 1000,
    max_queue_bytes: 256 * 1024 ** 2,
    max_body_bytes: 100 * 1024 ** 2,
    predict_timeout_seconds: null,
    streaming_read_timeout_seconds: 60,
    spare: false,
    poison_limit: 3,
    cors: null,
    load_timeout_seconds: 1800,
    load_retries: 1,
    shutdown_timeout_seconds: 60,
    cancel_grace_seconds: 10,
    batching: null,
    memory_limit: null,
    transport: { kind: "http" },
    compression: false,
    validate_types: false,
    validate_output: false,
    openai_uses_slot: false,
  },
  build: {
    external: [],
    bundle: [],
    include: [],
    exclude: [],
    allow_scripts: [],
    define: {},
    system_packages: [],
    commands: [],
    base_image: null,
    node_version: null,
    target: null,
  },
  weights: [],
  autoscaling: {
    min_replicas: 1,
    max_replicas: 1,
    concurrency_target: 1,
    scale_down_delay_seconds: 900,
    window_seconds: 60,
  },
  environments: {},
};

/** Key path, then what may stand there (with what it becomes, where that differs), then what may not. */
const VALUES: [path: string, good: (string | [string, unknown])[], bad: string[]][] = [
  [
    "model_name",
    [
      ["a", "a"],
      ["x-1", "x-1"],
      ["a".repeat(63), "a".repeat(63)],
    ],
    ["''", "a".repeat(64), "My", "a_b", "-a", "a-", "ä", "7", "null", "[a]", "a b"],
  ],
  [
    "description",
    [
      ["Reads.", "Reads."],
      ["null", null],
      ["''", ""],
    ],
    ["5", "[a]"],
  ],
  [
    "model_metadata",
    [
      ["{a: {b: [1, null]}}", { a: { b: [1, null] } }],
      ["", {}],
    ],
    ["[1]", "text"],
  ],
  [
    "model_module_dir",
    [
      ["src/model", "src/model"],
      [".", "."],
    ],
    ["/abs", "../up", "a/../../b", "'a\\b'", "''", "C:/x"],
  ],
  [
    "model_class_filename",
    [
      ["main.mts", "main.mts"],
      ["deep/m.js", "deep/m.js"],
    ],
    ["model.py", "model", "../model.ts", "/model.ts"],
  ],
  [
    "model_class_name",
    [
      ["Größe", "Größe"],
      ["$m_1", "$m_1"],
    ],
    ["1Model", "My-Model", "''", "a b"],
  ],
  [
    "data_dir",
    [
      ["weights", "weights"],
      ["a/b", "a/b"],
    ],
    [".", "./", "..", "../x", "/data", "''", "model"],
  ],
  [
    "secrets",
    [
      ["{a_b: null, c.d-e: }", { a_b: null, "c.d-e": null }],
      ["", {}],
      [`{${"n".repeat(253)}: null}`, { ["n".repeat(253)]: null }],
    ],
    [
      "[a]",
      "{a: b}",
      "{a: ''}",
      "text",
      `{${"n".repeat(254)}: null}`,
      "{.: null}",
      "{..: null}",
      "{'x\\': null}",
      "{a b: null}",
    ],
  ],
  [
    "environment_variables",
    [
      [
        "{A: true, B: 0, C: x, D: 1.10, E: 0x1F, F: ''}",
        { A: "true", B: "0", C: "x", D: "1.10", E: "0x1F", F: "" },
      ],
    ],
    [
      "{PORT: 1}",
      "{PURLIN_X: 1}",
      "{PURLIN_: a}",
      "{1A: b}",
      "{A-B: c}",
      "{A: null}",
      "{A: [1]}",
      "{A: {b: c}}",
      "[A]",
    ],
  ],
  [
    "examples",
    [
      ["[{name: a, input: null}]", [{ name: "a", input: null, method: "predict" }]],
      [
        "[{name: a, input: {x: 1}, output: null, method: chatCompletions}]",
        [{ name: "a", input: { x: 1 }, output: null, method: "chatCompletions" }],
      ],
    ],
    [
      "[{name: a}]",
      "[{input: 1}]",
      "[{name: '', input: 1}]",
      "[{name: a, input: 1, method: websocket}]",
      "{name: a, input: 1}",
      "[a]",
      "[{name: a, input: 1}, {name: a, input: 2}]",
    ],
  ],
  [
    "resources.cpu",
    [
      ['"1"', "1"],
      ['"1.5"', "1.5"],
      ["1.5m", "1.5m"],
      ["1500m", "1500m"],
    ],
    ["''", "1", "1M", "M", '"0"', "'-1'", "'1 '"],
  ],
  [
    "resources.memory",
    [
      ["1k", "1k"],
      ["512M", "512M"],
      ["1.5Gi", "1.5Gi"],
      ["1024", "1024"],
      ['"1024"', "1024"],
      ["2Ti", "2Ti"],
    ],
    ["1", '"1"', "1m", "abc", "512MB", "1gi", "''", "-1Gi", "0", "true"],
  ],
  [
    "resources.accelerator",
    [
      ["A10G:4", "A10G:4"],
      ["T4:1", "T4"],
      ["H100:2", "H100:2"],
      ["null", null],
    ],
    ["H10", "T4:0", "'T4:'", "T4:-1", "T4:1.5", "4"],
  ],
  [
    "runtime.workers",
    [
      ["4", 4],
      ["auto", "auto"],
      ["256", 256],
    ],
    ["0", "257", "1.5", "many", "null", '"2"'],
  ],
  [
    "runtime.predict_concurrency",
    [
      ["1", 1],
      ["64", 64],
    ],
    ["0", "-1", "1.5", "true", "null", "65537"],
  ],
  [
    "runtime.max_queue",
    [
      ["0", 0],
      ["5", 5],
    ],
    ["-1", "1.5", "none"],
  ],
  [
    "runtime.max_queue_bytes",
    [
      ["0", 0],
      ["1024", 1024],
      ["1MiB", 1024 ** 2],
      ["1 MB", 1e6],
      ["2k", 2000],
    ],
    ["-1", "1.5", "big", "1 XB", "null"],
  ],
  [
    "runtime.max_body_bytes",
    [
      ["1", 1],
      ["1.5GiB", 1.5 * 1024 ** 3],
      ["4Gi", 4 * 1024 ** 3],
    ],
    ["0", "0MiB", "lots", "9007199254740993"],
  ],
  [
    "runtime.predict_timeout_seconds",
    [
      ["0.5", 0.5],
      ["null", null],
      ["2147483", 2147483],
    ],
    ["0", "-1", "2147484", ".inf", "10s"],
  ],
  [
    "runtime.streaming_read_timeout_seconds",
    [
      ["5", 5],
      ["0.25", 0.25],
    ],
    ["0", "null", "2147484", ".nan"],
  ],
  [
    "runtime.spare",
    [
      ["true", true],
      ["false", false],
    ],
    ["yes", "1", "null", '"true"'],
  ],
  [
    "runtime.poison_limit",
    [
      ["0", 0],
      ["10", 10],
    ],
    ["-1", "1.5", "off", "1001"],
  ],
  [
    "runtime.cors",
    [
      ['["*"]', ["*"]],
      ["[https://a.example, http://localhost:3000]", ["https://a.example", "http://localhost:3000"]],
      ["null", null],
      ["[]", null],
    ],
    ["'*'", "[a.example]", "[https://a.example/]", "[1]", "true"],
  ],
  [
    "runtime.load_timeout_seconds",
    [
      ["1", 1],
      ["3600", 3600],
    ],
    ["0", "-5", "null"],
  ],
  [
    "runtime.load_retries",
    [
      ["0", 0],
      ["100", 100],
    ],
    ["-1", "101", "0.5"],
  ],
  [
    "runtime.shutdown_timeout_seconds",
    [
      ["0", 0],
      ["120", 120],
    ],
    ["-1", "null", "1m"],
  ],
  [
    "runtime.cancel_grace_seconds",
    [
      ["0", 0],
      ["2.5", 2.5],
    ],
    ["-1", "2147484"],
  ],
  [
    "runtime.batching",
    [
      [
        "{max_size: 8, max_wait_ms: 0, isolate_errors: true}",
        { max_size: 8, max_wait_ms: 0, isolate_errors: true },
      ],
      ["{max_size: 1}", { max_size: 1, max_wait_ms: 5, isolate_errors: false }],
      ["null", null],
    ],
    [
      "true",
      "{max_size: 0}",
      "{max_size: 8, max_wait: 5}",
      "{max_wait_ms: -1}",
      "{max_wait_ms: 60001}",
      "{max_size: 2000}",
    ],
  ],
  [
    "runtime.memory_limit",
    [
      ["512Mi", 512 * 1024 ** 2],
      ["1073741824", 1024 ** 3],
      ["null", null],
    ],
    ["1", "3Gi", "big"],
  ],
  [
    "runtime.transport",
    [
      ["{}", { kind: "http" }],
      ["{kind: http}", { kind: "http" }],
      [
        "{kind: websocket}",
        {
          kind: "websocket",
          ping_interval_seconds: null,
          ping_timeout_seconds: null,
          permessage_deflate: false,
        },
      ],
      [
        "{kind: websocket, ping_interval_seconds: 20, ping_timeout_seconds: 5}",
        { kind: "websocket", ping_interval_seconds: 20, ping_timeout_seconds: 5, permessage_deflate: false },
      ],
    ],
    [
      "{kind: grpc}",
      "websocket",
      "{kind: http, ping_interval_seconds: 5}",
      "{ping_timeout_seconds: 5}",
      "{permessage_deflate: true}",
      "{kind: websocket, permessage_deflate: 1}",
      "{kind: websocket, ping_interval_seconds: 0}",
      "null",
    ],
  ],
  ["runtime.compression", [["true", true]], ["1", "on", "gzip"]],
  ["runtime.validate_types", [["true", true]], ["1", "on"]],
  ["runtime.validate_output", [["true", true]], ["1", "on"]],
  ["runtime.openai_uses_slot", [["true", true]], ["1", "on"]],
  [
    "build.external",
    [
      ["[sharp, '@a/b']", ["sharp", "@a/b"]],
      ["", []],
    ],
    ["sharp", "[1]", "['']", "['sharp@1']", "['../x']"],
  ],
  ["build.bundle", [["[lodash]", ["lodash"]]], ["lodash", "[a b]"]],
  ["build.include", [["['assets/**']", ["assets/**"]]], ["['../x']", "['/etc/passwd']", "a"]],
  ["build.exclude", [["['*.md']", ["*.md"]]], ["['']", "{a: b}"]],
  ["build.allow_scripts", [["[sharp]", ["sharp"]]], ["true"]],
  ["build.define", [["{A: '1', B.c: true}", { A: "1", "B.c": "true" }]], ["[A]", "{1: a}", "{A: null}"]],
  [
    "build.system_packages",
    [["[ffmpeg, 'libx=1.2-3']", ["ffmpeg", "libx=1.2-3"]]],
    ["['a b']", "['a; rm -rf /']", "ffmpeg"],
  ],
  ["build.commands", [["[make all]", ["make all"]]], ["make", "['']", "[1]"]],
  [
    "build.base_image",
    [
      ["debian:12", "debian:12"],
      ["null", null],
    ],
    ["''", "a b", "5"],
  ],
  [
    "build.node_version",
    [
      ['"22"', "22"],
      ["22.11.0", "22.11.0"],
      ["null", null],
    ],
    ["22", "22.1", '"18"', "py311", "node22"],
  ],
  [
    "build.target",
    [
      ["linux-x64", "linux-x64"],
      ["linux-x64-musl", "linux-x64-musl"],
      ["null", null],
    ],
    ["linux", "linux-x86", "5"],
  ],
  [
    "autoscaling.min_replicas",
    [
      ["0", 0],
      ["1", 1],
    ],
    ["-1", "2", "0.5"],
  ],
  [
    "autoscaling.max_replicas",
    [
      ["1", 1],
      ["1000", 1000],
    ],
    ["0", "1001", "-10"],
  ],
  [
    "autoscaling.concurrency_target",
    [
      ["1", 1],
      ["32", 32],
    ],
    ["0", "null"],
  ],
  [
    "autoscaling.scale_down_delay_seconds",
    [
      ["0", 0],
      ["60", 60],
    ],
    ["-1"],
  ],
  ["autoscaling.window_seconds", [["10", 10]], ["0", "-1"]],
];

describe("the keys of config.yaml", () => {
  for (const [name, text] of [
    ["an empty file", ""],
    ["{}", "{}"],
    ["comments only", "# nothing\n\n"],
    ["a null document", "---\n~\n"],
  ] as const) {
    it(`${name} gives every default`, () => {
      assert.deepEqual(validConfig(text), DEFAULTS);
    });
  }

  it("every key has a row in the table of values", () => {
    const keys = Object.entries(DEFAULTS).flatMap(([key, value]) =>
      ["resources", "runtime", "build", "autoscaling"].includes(key)
        ? Object.keys(value as object).map((child) => `${key}.${child}`)
        : [key],
    );
    const others = ["weights", "environments"];
    assert.deepEqual(
      keys.filter((key) => !others.includes(key) && !VALUES.some(([path]) => path === key)),
      [],
    );
  });

  for (const [path, good, bad] of VALUES) {
    it(`${path} takes what is right, with its meaning`, () => {
      for (const one of good) {
        const [value, meaning] = typeof one === "string" ? [one, one] : one;
        assert.deepEqual(
          valueAt(validConfig(textWith(path, value)), path.split(".")),
          meaning,
          `${path}: ${value}`,
        );
      }
    });

    it(`${path} refuses what is wrong, naming itself`, () => {
      for (const value of bad) {
        const { problems } = checkConfig(textWith(path, value));
        assert.notEqual(problems.length, 0, `${path}: ${value} was taken`);
        for (const { message } of problems)
          assert.ok(message.includes(path), `${message} does not name ${path}`);
      }
    });
  }

  it("a section with nothing below it has its defaults", () => {
    const text = [
      "runtime",
      "resources",
      "build",
      "autoscaling",
      "secrets",
      "examples",
      "weights",
      "environments",
    ]
      .map((key) => `${key}:\n`)
      .join("");
    assert.deepEqual(validConfig(text), DEFAULTS);
  });

  it("the original's streaming_read_timeout is taken, and not beside its new name", () => {
    const { runtime } = validConfig("runtime: {streaming_read_timeout: 7}");
    assert.equal(runtime.streaming_read_timeout_seconds, 7);
    assert.equal("streaming_read_timeout" in runtime, false);
    const both = checkConfig("runtime:\n  streaming_read_timeout_seconds: 7\n  streaming_read_timeout: 7\n");
    assert.match(both.problems[0]?.message ?? "", /streaming_read_timeout` is given beside/);
    assert.equal(both.problems[0]?.location?.line, 3);
  });

  it("an example has an output only where its author gave one", () => {
    const [plain, nulled] = validConfig(
      "examples: [{name: a, input: 1}, {name: b, input: 1, output: null}]",
    ).examples;
    assert.equal("output" in (plain ?? {}), false);
    assert.equal(nulled?.output, null);
  });

  it("the result cannot be changed, at any depth", () => {
    const config = validConfig("model_metadata: {a: {b: [1]}}\nenvironments: {dev: {runtime: {workers: 2}}}");
    assert.throws(() => Object.assign(config.runtime, { workers: 9 }), TypeError);
    assert.throws(() => (config.model_metadata["a"] as { b: number[] }).b.push(2), TypeError);
    assert.throws(() => Object.assign(config.environments["dev"] ?? {}, { runtime: null }), TypeError);
  });
});

function textWith(path: string, value: string): string {
  return path
    .split(".")
    .map((key, depth) => `${"  ".repeat(depth)}${key}:`)
    .join("\n")
    .concat(` ${value}\n`);
}
