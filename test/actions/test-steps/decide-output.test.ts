import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Decision, decideOutput } from "../../../src/actions/test-steps/decide-output.ts";
import { sha256Hex } from "../../../src/actions/test-steps/run-example.ts";
import type { Example } from "../../../src/protocol/config.ts";
import type { ExampleAnswer } from "../../../src/protocol/judge-answer.ts";

const json = (value: unknown, status = 200): ExampleAnswer => ({
  status,
  contentType: "application/json",
  body: Buffer.from(JSON.stringify(value)),
});
const bytes = (...values: number[]): ExampleAnswer => ({
  status: 200,
  contentType: "application/octet-stream",
  body: Uint8Array.from(values),
});

function decide(
  example: Partial<Example>,
  first: ExampleAnswer,
  second = first,
  secrets: string[] = [],
): Decision {
  return decideOutput({ name: "a", method: "predict", input: 1, ...example }, [first, second], secrets);
}

const reasonOf = (decision: Decision): string => (decision.kind === "left" ? decision.reason : "");

describe("what an output is to be", () => {
  it("the answer, where there was none; what there was, where it holds", () => {
    assert.deepEqual(decide({}, json({ a: 1 })), { kind: "write", output: { a: 1 }, marked: false });
    assert.deepEqual(decide({ output: { a: { approx: 1 } } }, json({ a: 1.0001 })), { kind: "unchanged" });
    assert.deepEqual(decide({ output: { a: 1 }, approx: 0.1 }, json({ a: 1.05 })), { kind: "unchanged" });
    assert.deepEqual(decide({ output: null }, json(null)), { kind: "unchanged" });
  });

  it("of bytes, their size and digest, or what of the two was asked for before", () => {
    const sha256 = sha256Hex(Uint8Array.from([1, 2]));
    assert.deepEqual(decide({}, bytes(1, 2)), { kind: "write", output: { bytes: 2, sha256 }, marked: false });
    assert.deepEqual(decide({ output: { bytes: 3 } }, bytes(1, 2)), {
      kind: "write",
      output: { bytes: 2 },
      marked: false,
    });
    assert.deepEqual(decide({ output: { sha256: "x" } }, bytes(1, 2)), {
      kind: "write",
      output: { sha256 },
      marked: false,
    });
    assert.deepEqual(decide({ output: { a: 1 } }, bytes(1, 2)), {
      kind: "write",
      output: { bytes: 2, sha256 },
      marked: false,
    });
    assert.match(reasonOf(decide({}, bytes(1, 2), bytes(1, 3))), /not the same twice/);
  });

  it("an error answer is only ever the output of an example that expects its status", () => {
    const refused = json({ error: "no", code: "X", request_id: "1" }, 422);
    assert.match(reasonOf(decide({ output: 1 }, refused)), /answered with an error/);
    assert.match(reasonOf(decide({ status: 400, output: 1 }, refused)), /its status is another one/);
    assert.deepEqual(decide({ status: 422 }, refused), { kind: "unchanged" });
    const again = json({ error: "no", code: "X", request_id: "2" }, 422);
    assert.deepEqual(decide({ status: 422, output: 1 }, refused, again), {
      kind: "write",
      output: { error: "no", code: "X" },
      marked: false,
    });
    assert.match(reasonOf(decide({}, json(1), refused)), /not the same twice/);
  });

  it("an output that holds now and then is not one that holds", () => {
    assert.match(
      reasonOf(decide({ output: 1 }, json(1), json(2))),
      /second answer was another one: the output is 2/,
    );
  });

  it("what could not be read again as it is meant is not written", () => {
    assert.match(reasonOf(decide({}, json({ approx: 0.5 }))), /cannot be written as an output/);
    const deep = {
      status: 200,
      contentType: "application/json",
      body: Buffer.from("[".repeat(20_000) + "]".repeat(20_000)),
    };
    assert.match(reasonOf(decide({}, deep)), /nests deeper than 50 levels/);
    assert.match(
      reasonOf(decide({}, json({ quoted: 'a "secret" value' }), undefined, ['"secret"'])),
      /value of a secret/,
    );
  });
});
