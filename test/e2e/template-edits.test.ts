import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { type ChangeKind, classifyCodeChange } from "../../src/bundle/classify-change.ts";
import { bundleProject, textOf } from "../helpers/build-project.ts";
import { installPackages } from "../helpers/install-packages.ts";
import { scaffold } from "./templates/template-project.ts";

type Edit = [file: string, from: string, to: string];

/** What people change first in a template; none of it is needed for loading. */
const ANSWERING: Record<string, Edit[]> = {
  minimal: [
    ["model.ts", "characters: [...text].length,", "characters: [...text].length, first: text[0],"],
    ["model.ts", "* 600) / 10", "* 6000) / 100"],
    ["model.ts", "must be a string", "has to be a string"],
  ],
  onnx: [
    ["model.ts", "return { text, lines:", "return { text, rows: rows.length, lines:"],
    ["model.ts", "confidence.toFixed(3)", "confidence.toFixed(4)"],
    ["model.ts", "input.lines !== false", "input.lines === true"],
    ["model.ts", "Math.round(Math.min(size", "Math.floor(Math.min(size"],
    ["input.ts", "is neither base64 nor", "is not base64 and not"],
    ["reading-order.ts", "length === 0 ? [1, 0]", "length < 1e-9 ? [1, 0]"],
  ],
  language: [
    ["model.ts", "top = 3", "top = 5"],
    ["model.ts", "const MAX_CHARACTERS = 10_000", "const MAX_CHARACTERS = 20_000"],
    ["model.ts", "probability).toFixed(3)", "probability).toFixed(2)"],
  ],
  chat: [
    ["model.ts", 'if (text !== "") yield text', 'if (text !== "") yield text.toUpperCase()'],
    ["model.ts", 'join("\\n")', 'join("\\n\\n")'],
  ],
  voice: [
    ["model.ts", "probability.toFixed(3)", "probability.toFixed(2)"],
    ["model.ts", '{ type: "ready", sample_rate', '{ type: "ready", version: 2, sample_rate'],
    ["segmenter.ts", "const HYSTERESIS = 0.15", "const HYSTERESIS = 0.2"],
    ["segmenter.ts", "this.segments++", "this.segments += 1"],
    ["frames.ts", "/ 32768", "/ 32767"],
  ],
  typed: [
    ["model.ts", "is transparent all over", "has no colour at all"],
    ["model.ts", "max-age=86400", "max-age=3600"],
    ["palette.ts", "share > 0)", "share > 0.001)"],
    ["download.ts", "are not allowed", "must not be used"],
  ],
};

/** And what does need a new process: that a rule finds nothing must not be all that it can do. */
const LOADING: Record<string, Edit> = {
  minimal: ["model.ts", 'granularity: "word"', 'granularity: "grapheme"'],
  onnx: ["detector.ts", "side / 32) * 32", "side / 32 + 1) * 32"],
  language: ["model.ts", "await (await getLIDModel()).load()", "await (await getLIDModel()).load(undefined)"],
  chat: ["ngram-model.ts", "const CONTEXT = 3", "const CONTEXT = 4"],
  voice: ["silero.ts", "intraOpNumThreads: 1", "intraOpNumThreads: 2"],
  typed: [
    "schemas.ts",
    "export const Input",
    "export const More = 1;\nconsole.debug(More);\nexport const Input",
  ],
};

for (const [template, edits] of Object.entries(ANSWERING)) {
  test(`edits of how the ${template} template answers keep what it has loaded; those of loading do not`, async (t) => {
    const classify = await edited(t, template);
    for (const edit of edits) {
      const { kind, reason } = await classify(edit);
      assert.equal(kind, "methods", `${edit.join(" | ")}: ${reason}`);
    }
    const edit = LOADING[template];
    assert.ok(edit, `there is no edit of loading for ${template}`);
    assert.equal((await classify(edit)).kind, "process", edit.join(" | "));
  });
}

async function edited(t: TestContext, template: string): Promise<(edit: Edit) => Promise<ChangeKind>> {
  const dir = await scaffold(t, template);
  await installPackages(dir);
  const before = textOf(await bundleProject(dir));
  return async ([name, from, to]) => {
    const file = join(dir, "model", name);
    const source = await readFile(file, "utf8");
    assert.ok(source.includes(from), `${template}/model/${name} does not hold ${from}`);
    await writeFile(file, source.replace(from, to));
    try {
      return classifyCodeChange(before, textOf(await bundleProject(dir)), "Model");
    } finally {
      await writeFile(file, source);
    }
  };
}
