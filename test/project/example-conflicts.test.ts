import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkConfig, validConfig } from "../helpers/check-config.ts";

/** Message and place of the one problem of an example. */
function fault(keys: string): [string, string] {
  const { problems } = checkConfig(`examples:\n  - name: a\n${keys.replaceAll(/^/gm, "    ")}\n`);
  assert.equal(problems.length, 1, JSON.stringify(problems));
  const { message = "", location } = problems[0] ?? {};
  return [message, `${location?.line}:${location?.column}`];
}

describe("the keys of an example", () => {
  it("an input stands in config.yaml or in a file, not in both and not nowhere", () => {
    assert.deepEqual(fault("output: 1"), ["`examples[0].input` is missing", "2:5"]);
    const [message, place] = fault("input: 1\ninput_file: a.png");
    assert.match(message, /`examples\[0\]\.input_file` is given beside input; an example has one of the two/);
    assert.equal(place, "4:5");
    assert.match(fault("input_file: ../a.png")[0], /a file below the data folder/);
    assert.deepEqual(validConfig("examples: [{name: a, input_file: s/a.png}]").examples, [
      { name: "a", input_file: "s/a.png", method: "predict" },
    ]);
  });

  it("a tolerance without an output is told of, and one for vectors needs a vector", () => {
    const { problems, warnings } = checkConfig("examples: [{name: a, input: 1, approx: 1e-4}]");
    assert.deepEqual(problems, []);
    assert.match(warnings[0]?.message ?? "", /`examples\[0\]\.approx` has no output beside it/);
    assert.match(
      fault("input: 1\noutput: { score: 1 }\ncosine: 0.1")[0],
      /needs a list of two or more numbers in output/,
    );
    assert.match(fault("input: 1\noutput: 1\napprox: 2")[0], /must be a number above 0, at most 1, not 2/);
    assert.match(fault("input: 1\noutput: [1, 2]\ncosine: 0")[0], /must be a number above 0, at most 2/);
    validConfig("examples: [{name: a, input: 1, output: {data: [[1, 2]]}, cosine: 0.1, approx: 0.1}]");
  });

  it("a mark that could not be kept is refused where it stands", () => {
    const [message, place] = fault("input: 1\noutput:\n  list:\n    - { approx: 1, within: wide }");
    assert.equal(
      message,
      "`examples[0].output.list[0].within` must be a number above 0: how far the numbers may be off",
    );
    assert.equal(place, "6:24");
    assert.match(
      fault("input: 1\noutput: { approx: [1, 2], cosine: 3 }")[0],
      /output\.cosine` must be a number above 0, at most 2/,
    );
    assert.match(
      fault("input: 1\noutput: { approx: 1, cosine: 0.1 }")[0],
      /output\.cosine` needs a list of two or more numbers/,
    );
    assert.match(fault("input: 1\noutput: { approx: some text }")[0], /output\.approx` holds no number/);
    validConfig("examples: [{name: a, input: 1, output: {approx: yes, unit: m, within: x}}]");
  });

  it("a status is one that HTTP has", () => {
    assert.match(fault("input: 1\nstatus: 99")[0], /a whole number from 200 to 599/);
    assert.equal(validConfig("examples: [{name: a, input: 1, status: 422}]").examples[0]?.status, 422);
  });
});
