import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CALLABLE_METHODS,
  HOOKS,
  isPredict,
  methodNumber,
  METHODS,
  NAMED_BY_BODY,
} from "../../src/protocol/methods.ts";
import { sourceFiles } from "../helpers/source-files.ts";

test("no name and no path stands twice; predict alone has the number that hooks and slots go by", () => {
  const names = [...METHODS, ...HOOKS];
  assert.equal(new Set(names).size, names.length);
  const paths = CALLABLE_METHODS.flatMap((row) => [...row.paths]);
  assert.equal(new Set(paths).size, paths.length);
  assert.deepEqual(
    METHODS.filter((name) => isPredict(methodNumber(name))),
    ["predict"],
  );
  assert.deepEqual(
    [...NAMED_BY_BODY],
    paths.filter((path) => !["/predict", "/invocations"].includes(path)),
  );
});

test("the table is the only list of methods, and nobody else knows their numbers", () => {
  for (const { path, text } of sourceFiles("src")) {
    if (path.endsWith("protocol/methods.ts")) continue;
    assert.doesNotMatch(text, /"chatCompletions",\s*"completions"/, path);
    assert.doesNotMatch(text, /\.method [!=]== 0\b/, path);
  }
});
