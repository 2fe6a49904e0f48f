import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parse } from "yaml";
import { editOutput } from "../../src/project/edit-output.ts";
import { type Random, seededRandom } from "../helpers/random.ts";

const TEXT = `model_name: m  # the name

examples:
  # first of all
  - name: one   # c1
    input: { x: 1 }   # c2
    # what it says
    output:   # c3
      a: 1   # one
      # above b
      b: [1,  2.50, "x"] # list
      c:
        - x: 1   # in x
        - plain text
      t: |-
        one
        two
      e:
    # behind
  - {name: two, input: [1, 2], output: 5}   # c4
  - name: three
    input: "in
      two lines"   # c5
    method: embeddings
  # the end
runtime:
    workers:   1
`;
const ONE = { a: 1, b: [1, 2.5, "x"], c: [{ x: 1 }, "plain text"], t: "one\ntwo", e: null };

describe("another output in config.yaml", () => {
  const cases: [string, number, unknown, [string, string][]][] = [
    ["a number", 0, { ...ONE, a: 7.25 }, [["a: 1   # one", "a: 7.25   # one"]]],
    ["one item in brackets", 0, { ...ONE, b: [1, 3, "x"] }, [["[1,  2.50,", "[1,  3,"]]],
    ["a text of several lines", 0, { ...ONE, t: "one\n\nthree" }, [["        two\n", "\n        three\n"]]],
    ["an empty value", 0, { ...ONE, e: "full" }, [["      e:\n", "      e: full\n"]]],
    [
      "an item of a list",
      0,
      { ...ONE, c: [{ x: "y: z" }, "plain text"] },
      [["x: 1   # in", 'x: "y: z"   # in']],
    ],
    [
      "a longer list",
      0,
      { ...ONE, c: [...ONE.c, { p: 1, q: [2] }] },
      [["- plain text\n", "- plain text\n        - { p: 1, q: [2] }\n"]],
    ],
    ["a shorter list", 0, { ...ONE, c: [{ x: 1 }] }, [["        - plain text\n", ""]]],
    ["a key more", 0, { ...ONE, f: true }, [["      e:\n", "      e:\n      f: true\n"]]],
    [
      "a key less",
      0,
      { a: 1, b: ONE.b, t: ONE.t, e: null },
      [["      c:\n        - x: 1   # in x\n        - plain text\n", ""]],
    ],
    ["in brackets", 1, { y: [1] }, [["output: 5}", "output: { y: [1] }}"]]],
    ["a new one", 2, "text", [['two lines"   # c5\n', 'two lines"   # c5\n    output: text\n']]],
    [
      "a new long one",
      2,
      { text: "word ".repeat(30), n: 1 },
      [
        [
          'two lines"   # c5\n',
          `two lines"   # c5\n    output:\n      text: ${JSON.stringify("word ".repeat(30))}\n      n: 1\n`,
        ],
      ],
    ],
  ];
  for (const [what, index, output, changes] of cases) {
    it(`changes nothing else: ${what}`, () => {
      let expected = TEXT;
      for (const [from, to] of changes) {
        assert.equal(expected.split(from).length, 2, from);
        expected = expected.replace(from, () => to);
      }
      assert.equal(editOutput(TEXT, { index, output }), expected);
    });
  }

  it("a whole number beyond those that are exact is written so that config.yaml takes it", () => {
    for (const number of [1e21, -(2 ** 60), 2 ** 53])
      assert.equal(
        (parse(editOutput(TEXT, { index: 1, output: number })) as Parsed).examples[1]?.output,
        number,
      );
  });

  it("the same output is the same text, and lines end as they did", () => {
    assert.equal(editOutput(TEXT, { index: 0, output: ONE }), TEXT);
    const windows = TEXT.replaceAll("\n", "\r\n");
    const edited = editOutput(windows, {
      index: 0,
      output: { ...ONE, f: { long: "x".repeat(100), t: "a\nb" } },
    });
    assert.doesNotMatch(edited, /[^\r]\n/);
    assert.deepEqual((parse(edited) as Parsed).examples[0]?.output, {
      ...ONE,
      f: { long: "x".repeat(100), t: "a\nb" },
    });
  });

  it("what cannot be changed alone is refused, with the reason", () => {
    const shared =
      "examples:\n  - {name: a, input: &x {y: 1}, output: *x}\n  - {name: b, input: 1, output: &z {y: 1}}\n  - {name: c, input: *z}\n";
    assert.equal(
      editOutput(shared, { index: 0, output: { y: 2 } }),
      shared.replace("output: *x", "output: { y: 2 }"),
      "an alias is written out",
    );
    assert.throws(() => editOutput(shared, { index: 1, output: { y: 2 } }), /an alias may use a part of it/);
    const whole = "model_metadata: &m [{name: a, input: 1}]\nexamples: *m\n";
    assert.throws(() => editOutput(whole, { index: 0, output: 1 }), /as an alias of something else/);
    const item = "model_metadata: &m {name: a, input: 1}\nexamples: [*m]\n";
    assert.throws(() => editOutput(item, { index: 0, output: 1 }), /as an alias of something else/);
  });

  it("seeded: whatever the values, the comments and the style, only the output changes", () => {
    for (let seed = 1; seed <= 1500; seed++) {
      const random = seededRandom(seed);
      const outputs = Array.from({ length: 3 }, () => randomValue(random, 3));
      const text = randomConfig(random, outputs);
      const index = random.int(3);
      const output = random.int(3) === 0 ? randomValue(random, 3) : change(random, outputs[index]);
      const message = `seed ${seed}:\n${text}\n=> ${JSON.stringify(output)}`;
      let edited = "";
      assert.doesNotThrow(() => (edited = editOutput(text, { index, output })), message);
      assert.equal(editOutput(edited, { index, output }), edited, message);
      const before = parse(text) as Parsed;
      const after = parse(edited) as Parsed;
      assert.deepEqual(after.examples[index]?.output, output, message);
      assert.deepEqual(
        { ...after, examples: after.examples.toSpliced(index, 1) },
        { ...before, examples: before.examples.toSpliced(index, 1) },
        message,
      );
      for (const other of [0, 1, 2].filter((each) => each !== index)) {
        const [part, same] = [partOf(text, other), partOf(edited, other)];
        assert.equal(same, part, `the text of another example, ${message}`);
      }
    }
  });
});

interface Parsed {
  examples: { output?: unknown }[];
}

function partOf(text: string, index: number): string {
  return text.slice(text.indexOf(`# <${index}`), text.indexOf(`# ${index}>`));
}

const TEXTS = [
  "",
  "plain",
  "two words",
  "yes",
  "null",
  "1.5",
  "a: b",
  "x # y",
  "- z",
  "é ü",
  "日本",
  "👍 x",
  "one\ntwo",
  "one\n\n  three\n",
  "tab\there",
  " lead",
  "trail ",
  "\n",
  "{",
  "quote \" it's",
  "\u2028",
  "\u0007",
];

function randomValue(random: Random, depth: number): unknown {
  const kind = random.int(depth > 0 ? 8 : 4);
  if (kind === 0) return (random.int(2001) - 1000) / 10 ** random.int(8);
  if (kind === 1 || kind === 2) return random.pick(TEXTS);
  if (kind === 3) return random.pick([null, true, false, 1.5e30, 5e-324]);
  const items = Array.from({ length: random.int(5) }, () => randomValue(random, depth - 1));
  return kind < 6
    ? items
    : Object.fromEntries(
        items.map((item) => [random.pick(["a", "b", "key one", "1", "true", "x: y", "é"]), item]),
      );
}

/** A few things in it are others. */
function change(random: Random, value: unknown): unknown {
  if (random.int(5) === 0) return randomValue(random, 2);
  if (Array.isArray(value)) {
    const items = value.filter(() => random.int(6) > 0).map((item) => change(random, item));
    return random.int(3) === 0 ? [...items, randomValue(random, 2)] : items;
  }
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(() => random.int(6) > 0);
  const added = random.int(3) === 0 ? [["new", randomValue(random, 2)]] : [];
  return Object.fromEntries([...entries.map(([key, item]) => [key, change(random, item)]), ...added]);
}

/** Three examples with these outputs, in any style that YAML has, comments between. */
function randomConfig(random: Random, outputs: readonly unknown[]): string {
  const examples = outputs.map((output, index) => {
    const written = write(random, output, 6, false);
    const inBrackets = random.int(4) === 0;
    const body = inBrackets
      ? `  - {name: e${index}, input: ${index}, output: ${write(random, output, 0, true)}}`
      : `  - name: e${index}${comment(random)}\n    input: ${index}\n    output:${written}\n    method: predict`;
    return `  # <${index}\n${body}\n  # ${index}>\n`;
  });
  return `# top\nexamples:\n${examples.join("")}runtime: {workers: 1}\n`;
}

/** Behind a colon or a dash, with what goes before it. */
function write(random: Random, value: unknown, indent: number, flow: boolean): string {
  const pad = " ".repeat(indent);
  const isCollection = typeof value === "object" && value !== null && Object.keys(value).length > 0;
  if (!isCollection || flow || random.int(4) === 0) {
    const literal = typeof value === "string" && !flow && /^\w+\n\w+$/.test(value) && random.int(2) === 0;
    if (literal) return ` |-\n${value.replaceAll(/^/gm, pad)}`;
    if (value === null && !flow && random.int(2) === 0) return comment(random);
    return ` ${JSON.stringify(value, null, random.int(2) === 0 ? undefined : 0)}${flow ? "" : comment(random)}`;
  }
  const between = (): string => (random.int(4) === 0 ? `\n${pad}# between` : "");
  if (Array.isArray(value))
    return (
      comment(random) +
      value.map((item) => `${between()}\n${pad}-${write(random, item, indent + 2, false)}`).join("")
    );
  return (
    comment(random) +
    Object.entries(value as object)
      .map(
        ([key, item]) =>
          `${between()}\n${pad}${JSON.stringify(key)}:${write(random, item, indent + 2, false)}`,
      )
      .join("")
  );
}

function comment(random: Random): string {
  return random.int(3) === 0 ? "   # note" : "";
}
