// Issue 4: what a reload is said to be about is the file that was saved, whatever way the editor took.
import assert from "node:assert/strict";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { LiveBuilder } from "../../src/actions/build-steps/live-builder.ts";
import { silentReporter } from "../../src/events.ts";
import { makeModelProject } from "../helpers/make-model-project.ts";
import { until } from "../helpers/until.ts";

const TEMPORARY = "model/sedAbCdEf";

async function liveProject(t: TestContext): Promise<{ dir: string; builder: LiveBuilder }> {
  const { dir } = await makeModelProject(t, "saved-names");
  await writeFile(join(dir, "model/note.ts"), 'export const note = "first";\n');
  await writeFile(join(dir, "model/model.ts"), MODEL);
  const builder = await LiveBuilder.create({ dir, report: silentReporter });
  t.after(() => builder.dispose());
  await builder.first();
  builder.wentLive();
  return { dir, builder };
}

const MODEL = 'import { note } from "./note.ts";\nexport class Model {\n  predict() { return note; }\n}\n';

/** Writes another file and puts it in the place of the one that is saved. */
async function saveAside(dir: string, text: string): Promise<void> {
  await writeFile(join(dir, TEMPORARY), text);
  await rename(join(dir, TEMPORARY), join(dir, "model/model.ts"));
}

/** Saves and builds within a tick of the files' clock cannot be told apart. */
async function tick(): Promise<void> {
  const before = Date.now();
  await until(() => Date.now() > before + 50);
}

describe("the names of what was saved", () => {
  it("a save by way of a temporary file, the only one that was seen, is told as the file that it became", async (t) => {
    const { dir, builder } = await liveProject(t);
    await saveAside(dir, MODEL.replace("return note", "return [note]"));
    assert.notEqual(await builder.next([TEMPORARY]), null);
    assert.deepEqual(builder.namesOf([TEMPORARY]), ["model/model.ts"]);
    builder.wentLive();

    // The rest of the same save is heard of afterwards.
    assert.equal(await builder.next(["model/model.ts"]), null);
    assert.equal(builder.isNewSave("model/model.ts"), false, "the build before had read it");
  });

  it("a save of the same text is a save; what nobody saved is none", async (t) => {
    const { dir, builder } = await liveProject(t);
    await builder.next(["notes.txt"]);
    await tick();
    await saveAside(dir, MODEL);
    assert.equal(await builder.next(["model/model.ts"]), null);
    assert.equal(builder.isNewSave("model/model.ts"), true);
    assert.equal(builder.isNewSave("model/note.ts"), false, "nobody has saved it");
    assert.equal(builder.isNewSave("notes.txt"), false, "no part of what is built");
  });

  it("what was told is told where it is part of the build, or nothing better is known", async (t) => {
    const { dir, builder } = await liveProject(t);
    await saveAside(dir, MODEL.replace("return note", "return [note]"));
    await builder.next(["model/note.ts", TEMPORARY]);
    assert.deepEqual(builder.namesOf(["model/note.ts", TEMPORARY]), ["model/note.ts", TEMPORARY]);
    builder.wentLive();
    await tick();
    await builder.next(["notes.txt"]);
    await builder.next(["notes.txt"]);
    assert.deepEqual(builder.namesOf(["notes.txt"]), ["notes.txt"]);
  });
});
