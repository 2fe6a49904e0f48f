import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { layersOf, packageDigest, sortEntries } from "../../src/pack/digest.ts";
import type { FileEntry } from "../../src/protocol/manifest.ts";

const hex = (text: string): string => createHash("sha256").update(text).digest("hex");
const entry = (path: string, size = 1): FileEntry => ["data", path, `sha256:${hex(path)}`, size, "644"];

test("a layer's digest is that of the documented text", () => {
  const { data } = layersOf([entry("data/b", 2), ["data", "data/a", `sha256:${hex("a")}`, 5, "755"]]);
  const text = `layer-tree/1\n${hex("a")} 5 755 data/a\n${hex("data/b")} 2 644 data/b\n`;
  assert.deepEqual(data, { tree: `sha256:${hex(text)}`, files: 2, bytes: 7 });
});

test("the package digest is that of the documented text", () => {
  const layers = layersOf([entry("data/a")]);
  const text = [
    "package/1",
    "target linux-x64",
    "runtime_version 1.2.3",
    ...["code", "config", "data", "deps", "runtime"].map(
      (name) => `${name} ${layers[name as keyof typeof layers].tree}`,
    ),
    "",
  ].join("\n");
  assert.equal(
    packageDigest({ target: "linux-x64", runtimeVersion: "1.2.3", layers }),
    `sha256:${hex(text)}`,
  );
});

test("entries are sorted by the bytes of their paths, whatever order they come in", () => {
  // In UTF-16 order the second would come first.
  const paths = ["data/\uff5e", "data/\u{1f600}", "data/Z", "data/a", "data/a-b", "data/a/b"];
  const sorted = sortEntries(paths.map((path) => entry(path))).map(([, path]) => path);
  assert.deepEqual(sorted, ["data/Z", "data/a", "data/a-b", "data/a/b", "data/\uff5e", "data/\u{1f600}"]);
  const one = layersOf(paths.map((path) => entry(path)));
  assert.deepEqual(layersOf(paths.toReversed().map((path) => entry(path))), one);
});

test("size, mode, path, content, target and runtime version each change the digest", () => {
  const base = { target: "linux-x64", runtimeVersion: "1", layers: layersOf([entry("data/a")]) };
  const others = [
    { ...base, target: "linux-arm64" },
    { ...base, runtimeVersion: "2" },
    { ...base, layers: layersOf([entry("data/b")]) },
    { ...base, layers: layersOf([entry("data/a", 2)]) },
    { ...base, layers: layersOf([["data", "data/a", `sha256:${hex("data/a")}`, 1, "755"]]) },
    { ...base, layers: layersOf([["data", "data/a", `sha256:${hex("x")}`, 1, "644"]]) },
  ];
  const digests = new Set([base, ...others].map((identity) => packageDigest(identity)));
  assert.equal(digests.size, others.length + 1);
});
