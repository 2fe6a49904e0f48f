// Model contract §6: logs are JSON lines, whatever a model prints.
import assert from "node:assert/strict";
import { test } from "node:test";
import { runModel } from "../helpers/run-model.ts";
import { until } from "../helpers/until.ts";

const OBEDIENT = `export class Model { predict(code) { return new Function(code)() ?? null; } }`;

/** Lines of the runtime's own that are no records. */
const PLAIN = /^(listening on .*|ready|)$/;

function records(text: string): { message: string; level: string }[] {
  return text
    .split("\n")
    .filter((line) => !PLAIN.test(line))
    .map((line) => JSON.parse(line) as { message: string; level: string });
}

test("whatever a model prints becomes JSON lines, characters whole, endless lines cut", async (t) => {
  const model = await runModel(t, OBEDIENT);
  const prints = [
    `console.log("x".repeat(200_000))`,
    `console.error("\\u0000\\u001e\\u2028".repeat(40_000))`,
    `console.log("é😀".repeat(60_000))`,
    `process.stdout.write("😀".repeat(50_000) + "\\n")`,
    `process.stdout.write("no line feed ".repeat(50_000))`,
    `process.getBuiltinModule("node:fs").writeSync(2, "\\u001enot a record\\n")`,
    `console.log({ a: [1, { b: 2 }] }, "two\\nlines", Symbol("s"), 10n)`,
    `console.table([{ a: 1 }]); console.dir({ d: 1 }); console.count(); console.assert(false, "asserted")`,
  ];
  for (const code of prints) assert.equal((await model.predict(code)).status, 200, code);
  await model.predict('console.log("the last line")');
  await until(() => model.logText().includes("the last line"));
  const all = records(model.logText());
  assert.ok(!all.some(({ message }) => message.includes("\ufffd")), "a character was torn");
  const long = all.find(({ message }) => message.startsWith("xxxx"));
  assert.match(long?.message ?? "", /^x+… \(200000 characters\)$/);
  assert.ok(all.some(({ message }) => message.includes("two\nlines")));
  assert.ok(all.some(({ message }) => message.includes("asserted")));
});
