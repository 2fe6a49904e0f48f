import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type CheckedConfig, checkConfig } from "../helpers/check-config.ts";
import { type Random, seededRandom } from "../helpers/random.ts";

const RUNS = 1500;

const SEEDS = [
  `model_name: a
secrets: {hf: null}
environment_variables:
  LANG: en
examples:
  - name: one
    input: {a: [1, 2]}
runtime:
  workers: auto
  batching: {max_size: 8}
  transport: {kind: websocket}
weights:
  - source: hf://o/m@main
    mount_location: /m
environments:
  production:
    autoscaling: {max_replicas: 3}
`,
  `resources: &r {cpu: "1", memory: 1Gi}\nbuild: {external: [a], define: {A: 1}}\nmodel_metadata: {a: *r, b: |\n  text\n  }\n`,
];

const SCRAPS = [
  ": ", "- ", "\n", "\n  ", "\t", "{", "}", "[", "]", "&a ", "*a", "!!str ", "!x ", "|\n", ">\n", "'", '"', "#", "---\n",
  "...\n", "%YAML 1.2\n", "? ", ", ", "<<: *a\n", "null", "~", ".inf", "0x", "1e999", "-0", "\u0000", "\uFEFF", "\u2028",
  "é", "𝒳", "\uD800", "\r", "\\", "__proto__: ", "constructor: ", "secrets: ", "runtime: ", "environments: ", "examples: ",
]; // prettier-ignore

/** Independent mistakes: each adds exactly one problem, wherever the others are. */
const MISTAKES: [line: string, names: string][] = [
  ["model_nme: x", "model_nme"],
  ["model_class_name: 1x", "model_class_name"],
  ["data_dir: /x", "data_dir"],
  ["description: [x]", "description"],
  ["model_module_dir: ..", "model_module_dir"],
  ["environment_variables: {PORT: 1}", "environment_variables.PORT"],
  ["examples: [{name: a}]", "examples[0].input"],
  ["resources: {cpu: 1}", "resources.cpu"],
  ["runtime: {workers: 0}", "runtime.workers"],
  ["build: {target: x}", "build.target"],
  ["weights: [{source: x, mount_location: /a}]", "weights[0].source"],
  ["autoscaling: {min_replicas: 2, max_replicas: 1}", "autoscaling.min_replicas"],
  ["environments: {dev: {runtime: {spare: 1}}}", "environments.dev.runtime.spare"],
  ["secrets: [x]", "secrets"],
];

describe("config.yaml, whatever it holds", () => {
  it(`${RUNS} texts changed at random end in a config or in an error with places`, () => {
    const random = seededRandom(20_251);
    for (let run = 0; run < RUNS; run += 1) checkOutcome(mutated(random));
  });

  it(`${RUNS} random texts end in a config or in an error with places`, () => {
    const random = seededRandom(4_711);
    for (let run = 0; run < RUNS; run += 1) {
      checkOutcome(Array.from({ length: 1 + random.int(40) }, () => random.pick(SCRAPS)).join(""));
    }
  });

  it("of any mistakes together, none is lost", () => {
    const random = seededRandom(99);
    for (let run = 0; run < 300; run += 1) {
      const chosen = MISTAKES.filter(() => random.int(2) === 0).sort(() => random.int(3) - 1);
      const { problems } = checkConfig(chosen.map(([line]) => `${line}\n`).join(""));
      for (const [index, [line, name]] of chosen.entries()) {
        const found = problems.filter(
          ({ message, location }) => message.includes(`\`${name}\``) && location?.line === index + 1,
        );
        assert.equal(found.length, 1, `${line} in line ${index + 1}: ${JSON.stringify(problems)}`);
      }
      assert.equal(problems.length, chosen.length, JSON.stringify(problems));
    }
  });
});

function mutated(random: Random): string {
  let text = random.pick(SEEDS);
  for (let count = 1 + random.int(4); count > 0; count -= 1) {
    const at = random.int(text.length);
    const cut = random.pick([0, 0, 1, 2, random.int(30)]);
    text = text.slice(0, at) + random.pick([...SCRAPS, ""]) + text.slice(at + cut);
  }
  return text;
}

/** Anything else that is thrown than an AppError comes through `checkConfig` and fails the test. */
function checkOutcome(text: string): void {
  let checked: CheckedConfig;
  try {
    checked = checkConfig(text);
  } catch (error) {
    throw new Error(`crashed on ${JSON.stringify(text)}`, { cause: error });
  }
  const { config, problems } = checked;
  if (config) return void JSON.stringify(config);
  assert.notEqual(problems.length, 0, JSON.stringify(text));
  const lines = text.split("\n");
  for (const { message, location } of problems) {
    assert.ok(message && location?.line && location.column, `${JSON.stringify(text)}: ${message}`);
    assert.ok(location.line <= lines.length, `${JSON.stringify(text)}: line ${location.line}`);
    assert.ok(location.column <= (lines[location.line - 1] ?? "").length + 1, JSON.stringify(text));
  }
}
