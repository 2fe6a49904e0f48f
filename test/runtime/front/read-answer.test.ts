import assert from "node:assert/strict";
import { test } from "node:test";
import { readAnswer } from "../../../src/runtime/front/read-answer.ts";
import { httpServer } from "../../helpers/http-server.ts";
import { until } from "../../helpers/until.ts";

test("a short answer is read whole", async (t) => {
  const { url } = await httpServer(t, (_request, response) => void response.end("né"));
  assert.equal(await readAnswer(await fetch(url), 100), "né");
});

test("an answer without a body is empty", async (t) => {
  const { url } = await httpServer(t, (_request, response) => void response.writeHead(204).end());
  assert.equal(await readAnswer(await fetch(url), 100), "");
});

test("an answer that never ends is read in part, and its connection is given up", async (t) => {
  let closed = false;
  const { url } = await httpServer(t, (_request, response) => {
    response.on("close", () => (closed = true));
    const more = (): void => {
      while (!response.destroyed && response.write("x".repeat(65_536)));
      if (!response.destroyed) response.once("drain", more);
    };
    more();
  });
  assert.equal(await readAnswer(await fetch(url), 100), "x".repeat(100));
  await until(() => closed);
});
