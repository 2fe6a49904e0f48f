import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { createIgnoreRules, type IgnoreRules } from "../../src/project/ignore-rules.ts";
import { makeTree } from "../helpers/make-tree.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";

describe("what is not packed", () => {
  it("the fixed defaults hold at every depth, each by its rule", async (t) => {
    const rules = await rulesOf(t);
    for (const [path, rule] of [
      ["node_modules/", "node_modules"],
      ["node_modules/a/dist/x.js", "node_modules"],
      ["model/node_modules/a.js", "node_modules"],
      [".git/", ".git"],
      [".git/config", ".git"],
      ["data/.git", ".git"],
      [".env", ".env*"],
      ["data/.env.local", ".env*"],
      [".envrc", ".env*"],
      ["tls/server.pem", "*.pem"],
      ["id.key", "*.key"],
      [".purlin/package/x", ".purlin"],
      ["dist/", "dist"],
      ["data/dist/model.bin", "dist"],
      ["data/.DS_Store", ".DS_Store"],
      ["model/.model.ts.swp", "*.swp"],
    ] as const) {
      assert.deepEqual(ask(rules, path), { ignored: true, rule: `default: ${rule}` }, path);
    }
  });

  it("names that only resemble them are packed", async (t) => {
    const rules = await rulesOf(t);
    for (const path of [
      "environment.ts",
      "data/keys.txt",
      "distance.ts",
      ".gitignore",
      "node_modules.md",
      "purlin/",
      "a.pem.txt",
      "Dist/",
    ]) {
      assert.deepEqual(ask(rules, path), { ignored: false, rule: null }, path);
    }
  });

  it("secrets are recognised in any case, other names as they are written", async (t) => {
    const rules = await rulesOf(t, "Notes\n");
    for (const path of [".ENV", "ID.PEM", "x.Key", ".Git/"])
      assert.equal(ask(rules, path).ignored, true, path);
    for (const path of ["DIST/", "notes", "X.SWP"]) assert.equal(ask(rules, path).ignored, false, path);
    assert.equal(ask(rules, "Notes").ignored, true);
  });

  it(".purlinignore adds patterns on paths from the project, and each answer names its line", async (t) => {
    const rules = await rulesOf(
      t,
      "# comment\n\n*.bak\n/only-root\nsub/*.txt\ncache/\n**/tmp/**\n\\#hash\r\n",
    );
    for (const [path, rule] of [
      ["a.bak", "3: *.bak"],
      ["data/deep/a.bak", "3: *.bak"],
      ["only-root/x", "4: /only-root"],
      ["sub/a.txt", "5: sub/*.txt"],
      ["cache/", "6: cache/"],
      ["data/cache/x", "6: cache/"],
      ["a/tmp/x", "7: **/tmp/**"],
      ["#hash", "8: \\#hash"],
    ] as const) {
      assert.deepEqual(ask(rules, path), { ignored: true, rule: `.purlinignore:${rule}` }, path);
    }
    for (const path of ["x/only-root", "x/sub/a.txt", "sub/y/a.txt", "cache", "# comment"]) {
      assert.equal(ask(rules, path).ignored, false, path);
    }
  });

  it("a ! line takes back dist, .DS_Store, *.swp and lines before it", async (t) => {
    const rules = await rulesOf(t, "!dist\n!data/keep.swp\n*.txt\n!labels.txt\n");
    for (const path of [
      "dist/",
      "dist/x.js",
      "data/dist/",
      "data/keep.swp",
      "labels.txt",
      "data/labels.txt",
    ]) {
      assert.equal(ask(rules, path).ignored, false, path);
    }
    for (const path of ["data/x.swp", "notes.txt"]) assert.equal(ask(rules, path).ignored, true, path);
  });

  it("a ! line takes back neither secrets nor .git, node_modules, .purlin, and a warning says so", async (t) => {
    const lines = [
      "!.env",
      "!.env.example",
      "!/certs/a.pem",
      "!*.key",
      "!.git",
      "!node_modules/",
      "!node_modules/a/x.js",
      "!.purlin",
    ];
    const rules = await rulesOf(t, lines.join("\n"));
    for (const path of [
      ".env",
      ".env.example",
      "certs/a.pem",
      "a.key",
      ".git/",
      "node_modules/",
      "node_modules/a/x.js",
      ".purlin/",
    ]) {
      assert.equal(ask(rules, path).ignored, true, path);
    }
    assert.deepEqual(
      rules.warnings.map(({ location }) => location?.line),
      [1, 2, 3, 4, 5, 6, 7, 8],
    );
    assert.match(rules.warnings[0]?.message ?? "", /!\.env has no effect/);
  });

  it("as in git, nothing within a folder that is left out is taken back, and a warning tells how", async (t) => {
    const rules = await rulesOf(t, "!dist/keep.txt\n");
    assert.equal(ask(rules, "dist/keep.txt").ignored, true);
    assert.match(rules.warnings[0]?.hint ?? "", /"!dist\/"/);
    const mended = await rulesOf(t, "!dist/\ndist/*\n!dist/keep.txt\n");
    assert.deepEqual(
      [mended.warnings, ask(mended, "dist/keep.txt").ignored, ask(mended, "dist/x").ignored],
      [[], false, true],
    );
  });

  it("the project folder itself and paths out of it are no matter of these rules", async (t) => {
    const rules = await rulesOf(t, "*\n");
    for (const path of ["", ".", "..", "../x", "/etc"]) {
      assert.deepEqual(rules.ignores(path, false), { ignored: false, rule: null }, path);
    }
    assert.equal(rules.ignores("./a", false).ignored, true);
  });
});

async function rulesOf(t: TestContext, text?: string): Promise<IgnoreRules> {
  const dir = await tmpDir(t);
  if (text !== undefined) await makeTree(dir, { ".purlinignore": text });
  return createIgnoreRules(dir);
}

/** A path that ends with `/` is a folder. */
function ask(rules: IgnoreRules, path: string) {
  return rules.ignores(path, path.endsWith("/"));
}
