import assert from "node:assert/strict";
import { join } from "node:path";
import { it, type TestContext } from "node:test";
import { followProject } from "../../src/actions/build-steps/follow-project.ts";
import type { FileWatch } from "../../src/sync/watch-files.ts";
import { makeProject } from "../helpers/build-project.ts";
import { saveAtOnce } from "../helpers/save-at-once.ts";
import { until } from "../helpers/until.ts";

interface Followed {
  save(path: string, text: string): Promise<void>;
  /** Waits until it has been told of that file, and forgets all it was told of before. */
  told(path: string): Promise<string[]>;
}

async function follow(t: TestContext, files: Record<string, string>): Promise<Followed> {
  let watch: FileWatch | null = null;
  // Before the folder is taken away, which is done in the same order.
  t.after(() => watch?.close());
  const dir = await makeProject(t, files);
  let seen: string[] = [];
  watch = await followProject({
    dir,
    onChange: (paths) => void seen.push(...paths),
    onPolling: () => assert.fail("there are watches enough"),
  });
  return {
    save: (path, text) => saveAtOnce(join(dir, path), text),
    async told(path) {
      await until(() => seen.includes(path), { what: () => `${path}; seen: ${seen.join()}` });
      const all = seen;
      seen = [];
      return all;
    },
  };
}

it("a folder that .purlinignore lets in is followed from then on, down to its files", async (t) => {
  const { save, told } = await follow(t, {
    ".purlinignore": "data/raw/\n",
    "data/raw/deep/a.txt": "1",
    "data/b.txt": "1",
  });
  await save("data/raw/deep/a.txt", "unseen");
  await save("data/b.txt", "22");
  assert.deepEqual(await told("data/b.txt"), ["data/b.txt"]);
  await save(".purlinignore", "# nothing\n");
  // That it belongs to the project now is a change by itself.
  await told("data/raw/deep/a.txt");
  await save("data/raw/deep/a.txt", "now it is seen");
  await told("data/raw/deep/a.txt");
});

it("a folder that .purlinignore leaves out is not followed any more", async (t) => {
  const { save, told } = await follow(t, { "data/raw/a.txt": "1", "data/b.txt": "1" });
  await save("data/raw/a.txt", "22");
  await told("data/raw/a.txt");
  await save(".purlinignore", "data/raw/\n");
  assert.ok((await told("data/raw/a.txt")).includes(".purlinignore"), "what goes is told of, too");
  await save("data/raw/a.txt", "4444");
  await save("data/b.txt", "22");
  assert.ok(!(await told("data/b.txt")).includes("data/raw/a.txt"));
});
