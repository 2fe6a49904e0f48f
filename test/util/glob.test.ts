import assert from "node:assert/strict";
import { test } from "node:test";
import { globToRegExp } from "../../src/util/glob.ts";

const ROWS: [glob: string, path: string, matches: boolean][] = [
  ["a/*.txt", "a/b.txt", true],
  ["a/*.txt", "a/b/c.txt", false],
  ["a/**", "a/b/c.txt", true],
  ["**/*.txt", "c.txt", true],
  ["**/*.txt", "a/b/c.txt", true],
  ["./a/?.bin", "a/x.bin", true],
  ["a/?.bin", "a/xy.bin", false],
  ["a/{x,y}.bin", "a/y.bin", true],
  ["a/{x,y}.bin", "a/z.bin", false],
  ["@scope/*cuda*", "@scope/linux-cuda-x64/lib/a.so", true],
  ["folder", "folder/deep/file", true],
  ["folder/", "folder/deep/file", true],
  ["folder", "folder2/file", false],
  ["a.b", "axb", false],
  ["a+(b)[c]^$|", "a+(b)[c]^$|", true],
];

for (const [glob, path, matches] of ROWS) {
  test(`${glob} ${matches ? "takes" : "leaves"} ${path}`, () =>
    assert.equal(globToRegExp(glob).test(path), matches));
}
