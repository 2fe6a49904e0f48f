import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { renderError } from "../../src/cli/render-error.ts";
import { plainStyle } from "../../src/cli/report/style.ts";
import { AppError } from "../../src/errors.ts";

const render = (error: unknown, verbose = false) => renderError(error, { style: plainStyle, verbose });

describe("renderError", () => {
  it("shows message, place, code frame and hint", () => {
    const error = new AppError("MODEL_INVALID", "There is no predict.", {
      hint: "Add one.",
      location: { file: "model/model.ts", line: 12, column: 3, length: 5, lineText: "  class Model {}" },
    });
    assert.equal(
      render(error),
      [
        "error There is no predict.",
        "  model/model.ts:12:3",
        "  12 |   class Model {}",
        "     |   ^^^^^",
        "hint  Add one.",
      ].join("\n"),
    );
  });

  it("keeps the mark under its character behind tabs", () => {
    const error = new AppError("BUILD_FAILED", "no", {
      location: { file: "a.ts", line: 1, column: 4, lineText: "\t\tx = ;" },
    });
    assert.deepEqual(render(error).split("\n").slice(2), ["  1 | \t\tx = ;", "    | \t\t ^"]);
  });

  it("cuts a long line around the mark", () => {
    const error = new AppError("BUILD_FAILED", "no", {
      location: { file: "a.js", line: 1, column: 5001, lineText: `${"a".repeat(5000)}!${"b".repeat(5000)}` },
    });
    const [, , text = "", mark = ""] = render(error).split("\n");
    assert.ok(text.length < 140);
    assert.equal(text[mark.indexOf("^")], "!");
  });

  it("lists several problems, each with its place, frame and hint", () => {
    const error = new AppError("CONFIG_INVALID", "config.yaml has 2 problems.", {
      problems: [
        {
          message: 'unknown key "runtme"',
          hint: 'Did you mean "runtime"?',
          location: { file: "config.yaml", line: 2, column: 1, length: 6, lineText: "runtme: {}" },
        },
        { message: "no place for this one" },
      ],
    });
    assert.equal(
      render(error),
      [
        "error config.yaml has 2 problems.",
        '  config.yaml:2:1: unknown key "runtme"',
        "    2 | runtme: {}",
        "      | ^^^^^^",
        '    Did you mean "runtime"?',
        "  no place for this one",
      ].join("\n"),
    );
  });

  it("shows causes under --verbose only", () => {
    const error = new AppError("NPM_FAILED", "npm failed.", { cause: new Error("exit 1") });
    assert.doesNotMatch(render(error), /exit 1/);
    assert.match(render(error, true), /caused by: Error: exit 1/);
  });
});
