import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkConfig } from "../helpers/check-config.ts";

const CANARY = "hf_canary0123456789";

/** Where people put values, and other mistakes on the same lines. */
const TEXTS: [name: string, text: string][] = [
  ["a value", `secrets:\n  hf: ${CANARY}\n`],
  ["a quoted value", `secrets:\n  hf: "${CANARY}"\n`],
  ["a flow map", `secrets: {hf: ${CANARY}, b/d: x}\n`],
  ["a wrong name with a value", `secrets:\n  h/f: ${CANARY}\n`],
  ["a block text", `secrets:\n  hf: |\n    ${CANARY}\n    ${CANARY}\n`],
  ["a list", `secrets:\n  - ${CANARY}\n`],
  ["a flow list", `secrets: [${CANARY}]\n`],
  ["a list of maps", `secrets:\n  - hf: ${CANARY}\n`],
  ["a text", `secrets: ${CANARY}\n`],
  ["a nested map", `secrets:\n  hf:\n    value: ${CANARY}\n`],
  ["a doubled name", `secrets:\n  hf: ${CANARY}\n  hf: ${CANARY}\n`],
  ["a doubled section", `secrets:\n  hf: ${CANARY}\nsecrets: {a: ${CANARY}}\n`],
  ["an environment", `environments:\n  production:\n    secrets: {hf: ${CANARY}}\n`],
  ["a misspelt environment", `environments: {PROD: {secrets: {hf: ${CANARY}}}}\n`],
  ["an alias", `model_metadata: {a: &a ${CANARY}}\nsecrets: {hf: *a}\n`],
  ["a quote without an end", `secrets:\n  hf: "${CANARY}\n`],
  ["a tab", `secrets:\n\thf: ${CANARY}\n`],
  ["a bad indentation", `secrets:\n    a: null\n  hf: ${CANARY}\n`],
  ["a tag", `secrets:\n  hf: !token ${CANARY}\n`],
  ["an alias by mistake", `secrets:\n  hf: *${CANARY}\n`],
  ["a colon in the value", `secrets:\n  hf: ${CANARY}: b\n`],
  ["a bracket without an end", `secrets: {hf: ${CANARY}\n`],
  ["a second document", `secrets: {hf: ${CANARY}}\n---\n`],
  ["a password in a URL", `weights: [{source: "https://me:${CANARY}@host/file", mount_location: x}]\n`],
  ["a number", `secrets: {hf: 12345678987}\n`],
];

describe("a secret's value in config.yaml", () => {
  for (const [name, text] of TEXTS) {
    it(`is refused and never shown: ${name}`, () => {
      const { error } = checkConfig(text);
      assert.ok(error);
      const shown = JSON.stringify({
        ...error,
        message: error.message,
        stack: error.stack,
        problems: error.problems,
      });
      assert.equal(shown.includes(CANARY) || shown.includes("12345678987"), false, shown);
    });
  }

  it("has a code of its own, beside which other problems are told", () => {
    const { error, problems } = checkConfig(`secrets:\n  hf: ${CANARY}\nruntime: {workers: 0}\n`);
    assert.equal(error?.code, "SECRET_IN_CONFIG");
    assert.deepEqual(
      problems.map(({ location }) => [location?.line, location?.column, location?.lineText]),
      [
        [2, 3, "  hf: ***"],
        [3, 20, "runtime: {workers: 0}"],
      ],
    );
    assert.match(problems[0]?.hint ?? "", /hf: null.*\.env.*PURLIN_SECRET_HF/);
  });

  it("is also an empty text", () => {
    assert.equal(checkConfig("secrets: {hf: ''}\n").error?.code, "SECRET_IN_CONFIG");
  });
});

describe("what looks like a secret elsewhere", () => {
  it("is a warning that names the right place", () => {
    const { warnings } = checkConfig("environment_variables: {OPENAI_API_KEY: abc, MAX_TOKENS: 5}\n");
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]?.message ?? "", /environment_variables\.OPENAI_API_KEY/);
    assert.match(warnings[0]?.hint ?? "", /secrets/);
  });

  it("two names that share an environment variable are a warning", () => {
    const { warnings } = checkConfig("secrets: {a-b: null, a_b: null}\n");
    assert.match(warnings[0]?.message ?? "", /PURLIN_SECRET_A_B/);
  });
});
