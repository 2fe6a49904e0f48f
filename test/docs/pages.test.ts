// The pages as a whole: short enough, and every link leads somewhere.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const below = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" }).map((name) => `${folder}/${name}`);
const PAGES = ["README.md", "CONTRIBUTING.md", ...below("docs").filter((name) => name.endsWith(".md"))];

/** Anchors as GitHub makes them. */
const anchorsOf = (text: string): string[] =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\- _]/gu, "")
      .replaceAll(" ", "-"),
  );

test("every link of every page leads to a file or a heading that exists", () => {
  for (const page of PAGES) {
    const text = readFileSync(join(ROOT, page), "utf8");
    for (const [, target = ""] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [path = "", anchor] = target.split("#");
      const file = path === "" ? page : join(dirname(page), path);
      assert.ok(existsSync(join(ROOT, file)), `${page}: ${target}`);
      if (anchor === undefined) continue;
      assert.ok(anchorsOf(readFileSync(join(ROOT, file), "utf8")).includes(anchor), `${page}: ${target}`);
    }
  }
});

test("every page is listed in the index", () => {
  const index = readFileSync(join(ROOT, "docs/README.md"), "utf8");
  for (const page of PAGES.filter((name) => name.startsWith("docs/") && name !== "docs/README.md"))
    assert.ok(index.includes(`(${page.slice("docs/".length)})`), page);
});

test("the README can be read in three minutes", () => {
  assert.ok(Buffer.byteLength(readFileSync(join(ROOT, "README.md"))) <= 10 * 1024);
});
