import assert from "node:assert/strict";
import { postJson } from "../../helpers/post-json.ts";
import type { TemplateCheck } from "./served-template.ts";

export const checkMinimal: TemplateCheck = async (t, { url }) => {
  await t.test("counts in languages without spaces too", async () => {
    const { status, body } = await postJson(`${url}/predict`, {
      text: "今日は良い天気です。散歩に行きましょう。",
    });
    assert.equal(status, 200);
    assert.equal(body.sentences, 2);
    assert.ok(body.words >= 8, `words: ${body.words}`);
  });

  await t.test("says what is wrong with the input", async () => {
    const { status, body } = await postJson(`${url}/predict`, { text: 5 });
    assert.equal(status, 400);
    assert.equal(body.error, "`text` must be a string");
  });
};
