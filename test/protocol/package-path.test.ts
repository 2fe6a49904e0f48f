import assert from "node:assert/strict";
import { test } from "node:test";
import { findPathClash, pathProblem } from "../../src/protocol/package-path.ts";
import { seededRandom } from "../helpers/random.ts";

const GOOD = [
  "a",
  "a/b",
  "data/ünï.txt",
  "a b/c",
  ".hidden",
  "a..b",
  "@scope/x",
  "日本/語",
  "x".repeat(255),
  "a/…",
];

const BAD: Record<string, RegExp> = {
  "": /empty/,
  "/a": /absolute/,
  "C:/a": /absolute/,
  "c:a": /absolute/,
  "a\\b": /backslash/,
  "a//b": /empty part/,
  "a/": /empty part/,
  ".": /part \./,
  "..": /part \.\./,
  "a/../b": /part \.\./,
  "a/./b": /part \./,
  "a\0b": /control/,
  "a\nb": /control/,
  "a\u007fb": /control/,
  "a\u0085b": /control/,
  "a\u202eb": /invisible/,
  "a\u200bb": /invisible/,
  "a\ufeffb": /invisible/,
  "a.": /dot or a space/,
  "a /b": /dot or a space/,
  ".wh.a": /\.wh\./,
  "a/.wh..wh..opq": /\.wh\./,
  "e\u0301": /NFC/,
  "\ud800": /UTF-8/,
  "a\ufffd": /UTF-8/,
  ["x".repeat(256)]: /longer than 255/,
  ["é".repeat(128)]: /longer than 255/,
  ["abcdefgh/".repeat(114)]: /longer than 1024/,
};

test("paths that every machine can hold are taken", () => {
  for (const path of GOOD) assert.equal(pathProblem(path), null, JSON.stringify(path));
});

test("paths that some machine cannot hold, or that lead elsewhere, are refused with the reason", () => {
  for (const [path, reason] of Object.entries(BAD)) {
    assert.match(pathProblem(path) ?? "taken", reason, JSON.stringify(path));
  }
});

test("twins and files that are folders are found", () => {
  assert.equal(findPathClash(["a", "b", "a/b".replace("a/", "c/")]), null);
  assert.match(findPathClash(["a", "a"])?.reason ?? "", /twice/);
  assert.match(findPathClash(["data/Readme", "data/README"])?.reason ?? "", /case/);
  assert.match(findPathClash(["straße", "STRASSE"])?.reason ?? "", /case/);
  assert.match(findPathClash(["a", "a/b"])?.reason ?? "", /folder/);
  assert.match(findPathClash(["x/a/b", "x/A"])?.reason ?? "", /folder/);
  assert.match(findPathClash(["Dir/a", "dir/b"])?.reason ?? "", /folder that differs/);
});

test("whatever is taken stays below the folder that it is joined to", async () => {
  const { posix } = await import("node:path");
  const random = seededRandom(7);
  const pieces = [
    "..",
    ".",
    "",
    "a",
    "B",
    "\\",
    "/",
    "\0",
    "é",
    "e\u0301",
    ".wh.",
    " ",
    "con",
    "~",
    "\u202e",
    "C:",
  ];
  let taken = 0;
  for (let round = 0; round < 20_000; round++) {
    const path = Array.from({ length: 1 + random.int(6) }, () => random.pick(pieces)).join(
      random.pick(["/", ""]),
    );
    if (pathProblem(path) !== null) continue;
    taken += 1;
    const joined = posix.join("/srv/package", path);
    assert.ok(joined.startsWith("/srv/package/"), JSON.stringify(path));
    assert.equal(joined, `/srv/package/${path}`, "it is written in one way only");
  }
  assert.ok(taken > 100);
});
