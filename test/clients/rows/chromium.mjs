// client: Chromium
// pins: npm/playwright-core
// needs: chromium
// targets: serve
// models: chat
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chromium } from "playwright-core";
import { row, target } from "../lib/rows.mjs";

const executablePath = execFileSync("which", ["chromium"], { encoding: "utf8" }).trim();
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const page = await browser.newPage();
const { root, openai } = target.models.chat;
// A page of the same origin: what other origins may do is cors.
await page.goto(`${root}/health/live`);

await row("fetch, POST", "the answer", async () => {
  const got = await page.evaluate(async (url) => {
    const answer = await fetch(url, { method: "POST", body: JSON.stringify({ a: 1 }) });
    return [answer.status, await answer.json()];
  }, `${root}/predict`);
  assert.deepEqual(got, [200, { echo: { a: 1 } }]);
});
await row("fetch, POST, a stream", "pieces before the answer has ended", async () => {
  const pieces = await page.evaluate(async (url) => {
    const body = JSON.stringify({ count: 5, every: 200, text: true });
    const reader = (await fetch(url, { method: "POST", body })).body.getReader();
    const got = [];
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      got.push(new TextDecoder().decode(part.value));
    }
    return got;
  }, `${root}/predict`);
  assert.equal(pieces.join(""), "tick 0\ntick 1\ntick 2\ntick 3\ntick 4\n");
  assert.ok(pieces.length > 1, "one piece");
});
await row("fetch, aborted", "AbortError, and the model's signal aborts", async () => {
  const name = `chromium-${Date.now()}`;
  const got = await page.evaluate(
    async ({ url, body }) => {
      const abort = new AbortController();
      const failure = fetch(url, { method: "POST", body, signal: abort.signal }).catch((error) => error.name);
      setTimeout(() => abort.abort(), 500);
      return failure;
    },
    {
      url: `${openai}/chat/completions`,
      body: JSON.stringify({ model: "chat", messages: [{ role: "user", content: `do wait ${name} 30000` }] }),
    },
  );
  assert.equal(got, "AbortError");
  for (const deadline = Date.now() + 20_000; ;) {
    const answer = await fetch(`${root}/predict`, { method: "POST", body: JSON.stringify({ seen: name }) });
    if ((await answer.json()).seen.includes("aborted")) break;
    assert.ok(Date.now() < deadline, "the model's signal has not aborted");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
});
await browser.close();
