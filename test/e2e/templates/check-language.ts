import assert from "node:assert/strict";
import { postJson } from "../../helpers/post-json.ts";
import type { TemplateCheck } from "./served-template.ts";

const TEXTS: Record<string, string> = {
  de: "Der Zug nach Hamburg fährt heute leider zwanzig Minuten später ab.",
  fr: "Je voudrais savoir à quelle heure ouvre la bibliothèque.",
  es: "Mañana vamos a la playa si no llueve por la tarde.",
  pl: "Gdzie jest najbliższy dworzec kolejowy?",
  ru: "Сегодня утром на рынке было очень много людей.",
  ar: "أين تقع محطة القطار من فضلك؟",
  hi: "मुझे यह किताब बहुत पसंद है।",
  ja: "駅までの道を教えてください。",
  ko: "오늘 저녁에 무엇을 먹을까요?",
  zh: "请问去火车站怎么走？",
};

export const checkLanguage: TemplateCheck = async (t, { url }) => {
  for (const [language, text] of Object.entries(TEXTS)) {
    await t.test(`knows ${language}`, async () => {
      const { status, body } = await postJson(`${url}/predict`, { text, top: 2 });
      assert.equal(status, 200);
      assert.equal(body.language, language);
      assert.ok(body.confidence > 0.8, `confidence ${body.confidence}`);
      assert.equal(body.candidates.length, 2);
    });
  }

  await t.test("reads past the first line break", async () => {
    const text = `OK\n${TEXTS["de"]}`;
    assert.equal((await postJson(`${url}/predict`, { text })).body.language, "de");
  });

  await t.test("refuses what is not text", async () => {
    assert.equal((await postJson(`${url}/predict`, { text: null })).status, 400);
    assert.equal((await postJson(`${url}/predict`, { text: "x", top: 11 })).status, 400);
  });
};
