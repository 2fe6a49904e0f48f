import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkConfig, validConfig } from "../helpers/check-config.ts";

interface Trap {
  name: string;
  text: string;
  at: [line: number, column: number];
  message: RegExp;
}

const bomb = [
  "model_metadata:",
  "  a0: &a0 [x, x, x, x, x, x, x, x, x, x]",
  ...Array.from({ length: 9 }, (_, n) => `  a${n + 1}: &a${n + 1} [${Array(10).fill(`*a${n}`).join(", ")}]`),
].join("\n");

const TRAPS: Trap[] = [
  { name: "a tab as indentation", text: "runtime:\n\tworkers: 1\n", at: [2, 1], message: /tab/ },
  { name: "a quote without an end", text: 'model_name: "abc\n', at: [2, 1], message: /quote/ },
  { name: "a bracket without an end", text: "build: {external: [a\n", at: [2, 1], message: /./ },
  {
    name: "two documents",
    text: "model_name: a\n---\nmodel_name: b\n",
    at: [2, 1],
    message: /second document/,
  },
  { name: "an unquoted colon", text: "description: Reads: text\n", at: [1, 14], message: /second `:`/ },
  { name: "a tag", text: "model_metadata: {a: !date 2020-01-01}\n", at: [1, 21], message: /tags/ },
  { name: "a binary tag", text: "description: !!binary aGk=\n", at: [1, 14], message: /tags/ },
  {
    name: "a list as root",
    text: "- model_name: a\n",
    at: [1, 1],
    message: /must be a map of keys, not a list/,
  },
  { name: "a text as root", text: "model\n", at: [1, 1], message: /must be a map of keys/ },
  { name: "YAML 1.1", text: "%YAML 1.1\n---\nmodel_name: a\n", at: [1, 1], message: /YAML 1\.2/ },
  {
    name: "an alias without an anchor",
    text: "model_metadata: {a: *nothing}\n",
    at: [1, 21],
    message: /anchor/,
  },
  {
    name: "an alias of what holds it",
    text: "model_metadata: &a {b: [*a]}\n",
    at: [1, 25],
    message: /holds it/,
  },
  { name: "an alias bomb", text: bomb, at: [6, 1], message: /more than 50000 values/ },
  {
    name: "a merge key",
    text: "resources: &r {cpu: '1'}\nautoscaling: {<<: *r}\n",
    at: [2, 15],
    message: /`autoscaling\["<<"\]`/,
  },
  { name: "a map as a key", text: "model_metadata: {{a: b}: c}\n", at: [1, 18], message: /name/ },
  { name: "an empty key", text: "model_metadata:\n  : c\n", at: [2, 3], message: /not a name/ },
  {
    name: "a key that is a prototype",
    text: "model_metadata: {__proto__: {admin: true}}\n",
    at: [1, 18],
    message: /not a name/,
  },
  {
    name: "infinity where JSON is meant",
    text: "examples: [{name: a, input: .inf}]\n",
    at: [1, 29],
    message: /JSON can hold/,
  },
  {
    name: "an integer that would be rounded",
    text: "model_metadata: {id: 12345678901234567890}\n",
    at: [1, 22],
    message: /more digits/,
  },
  { name: "a bad escape", text: 'description: "C:\\data"\n', at: [1, 17], message: /escape/ },
  {
    name: "an indentation that fits nothing",
    text: "runtime:\n    workers: 1\n  spare: true\n",
    at: [3, 1],
    message: /./,
  },
];

describe("config.yaml as YAML", () => {
  for (const { name, text, at, message } of TRAPS) {
    it(`${name} is an error with its place`, () => {
      const { error, problems } = checkConfig(text);
      assert.equal(error?.code, "CONFIG_INVALID");
      const found = problems.find((problem) => message.test(problem.message));
      assert.ok(found, JSON.stringify(problems));
      if (name !== "an alias bomb") assert.deepEqual([found.location?.line, found.location?.column], at);
    });
  }

  it("an alias bomb is refused at once", () => {
    const start = performance.now();
    assert.equal(checkConfig(bomb).problems.length, 1);
    assert.ok(performance.now() - start < 1000);
  });

  it("nesting without end is refused, not crashed on", () => {
    for (const text of [
      "[".repeat(200_000),
      "{a: ".repeat(100_000),
      "- ".repeat(100_000),
      `a: ${"[".repeat(80)}${"]".repeat(80)}`,
    ]) {
      assert.equal(checkConfig(text).error?.code, "CONFIG_INVALID");
    }
    const deep = `model_metadata: ${"{a: ".repeat(100)}1${"}".repeat(100)}\n`;
    assert.match(checkConfig(deep).problems[0]?.message ?? "", /`model_metadata` nests deeper/);
  });

  it("several faults of syntax are reported together", () => {
    const { problems } = checkConfig("runtime:\n\tworkers: 1\ndescription: a: b\n");
    assert.deepEqual(
      problems.map(({ location }) => location?.line),
      [2, 3],
    );
  });

  it("anchors, comments, carriage returns and a byte order mark are fine", () => {
    const text =
      "\uFEFF# c\r\nautoscaling: {min_replicas: &n 2, max_replicas: *n} # c\r\ndescription: >\r\n  a\r\n  b\r\n";
    const config = validConfig(text);
    assert.equal(config.autoscaling.max_replicas, 2);
    assert.equal(config.description, "a b\n");
  });

  it("places count from the start of the line with carriage returns too", () => {
    const { problems } = checkConfig("description: a\r\nmodel_nme: b\r\n");
    const { line, column, lineText } = problems[0]?.location ?? {};
    assert.deepEqual([line, column, lineText], [2, 1, "model_nme: b"]);
  });

  it("an error behind an alias points to what is written", () => {
    const { problems } = checkConfig("resources: &r {cpus: '1'}\nbuild: *r\n");
    assert.deepEqual(
      problems.map(({ message, location }) => [message.split(" ").at(-1), location?.line]),
      [
        ["`resources.cpus`", 1],
        ["`build.cpus`", 1],
      ],
    );
  });

  it("names that objects have by birth are names like others", () => {
    const config = validConfig(
      "secrets: {constructor: null}\nmodel_metadata: {toString: 1, hasOwnProperty: 2}\n",
    );
    assert.deepEqual(Object.keys(config.secrets), ["constructor"]);
    assert.deepEqual(config.model_metadata, { toString: 1, hasOwnProperty: 2 });
    assert.match(
      checkConfig("constructor: 1\nvalueOf: 2\n").problems[1]?.message ?? "",
      /unknown key `valueOf`/,
    );
  });
});
