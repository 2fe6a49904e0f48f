import assert from "node:assert/strict";
import { it } from "node:test";
import { parseCpu, parseSize, suggestBytes } from "../../src/project/quantity.ts";
import { parseBytes } from "../../src/protocol/bytes.ts";

it("cores are read from whole, broken and milli numbers", () => {
  for (const [text, cores] of [
    ["1", 1],
    ["1.5", 1.5],
    [".5", 0.5],
    ["1500m", 1.5],
    ["1.5m", 0.0015],
  ] as const) {
    assert.equal(parseCpu(text), cores, text);
  }
  for (const text of ["", "0", "0m", "1M", "M", "-1", "1 ", "1e3", "one"])
    assert.equal(parseCpu(text), null, text);
});

it("bytes are read as Kubernetes writes them", () => {
  for (const [text, bytes] of [
    ["0", 0],
    ["1024", 1024],
    ["1k", 1000],
    ["512M", 512e6],
    ["1.5Gi", 1.5 * 1024 ** 3],
    ["2Ki", 2048],
    ["1T", 1e12],
    ["1Pi", 1024 ** 5],
  ] as const) {
    assert.equal(parseBytes(text), bytes, text);
  }
  for (const text of ["", "Gi", "1m", "1K", "1gi", "1GB", "abc", "-1", "1 Gi", "100E"]) {
    assert.equal(parseBytes(text), null, text);
  }
});

it("sizes are also read as people write those of files", () => {
  for (const [text, bytes] of [
    ["100MiB", 100 * 1024 ** 2],
    ["1 MB", 1e6],
    ["10B", 10],
    [" 2Gi ", 2 * 1024 ** 3],
  ] as const) {
    assert.equal(parseSize(text), bytes, text);
  }
  for (const text of ["", "B", "MB", "1 XB", "1 0"]) assert.equal(parseSize(text), null, text);
});

it("a wrong suffix has a suggestion", () => {
  assert.equal(suggestBytes("512mb"), "512Mi");
  assert.equal(suggestBytes("2 GB"), "2Gi");
  assert.equal(suggestBytes("abc"), undefined);
  assert.equal(suggestBytes("1x"), undefined);
});
