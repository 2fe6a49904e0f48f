// Issue 12, part 2, point 1: errors in the shape that a route's clients read.
import assert from "node:assert/strict";
import { test } from "node:test";
import { errorFamily } from "../../src/protocol/error-family.ts";
import { errorEvent, errorJson } from "../../src/protocol/error-shape.ts";
import { readError } from "../../src/protocol/read-error.ts";

const FACTS = { status: 404, code: "NOT_FOUND", error: "There is no model x.", requestId: "r1" };

test("a route's family is told by its path, below a deployment of a host as well", () => {
  const families: [string, string][] = [
    ["/v1/chat/completions?x=/v1/messages", "openai"],
    ["/v1/audio/transcriptions", "openai"],
    ["/chat/completions", "openai"],
    ["/v1/responses", "openai-responses"],
    ["/v1/messages", "anthropic"],
    ["/v1/v1/messages", "anthropic"],
    ["/v1/messages/count_tokens", "anthropic"],
    ["/v1/models", "openai"],
    ["/v1/models/a%2Fb", "openai"],
    ["/v1/models/a:predict", "plain"],
    ["/v1/models/a/loaded", "plain"],
    ["/v1/models/a/deployments", "plain"],
    ["/models/a/production/sync/v1/embeddings", "openai"],
    ["/models/a/environments/b/sync/v1/messages", "anthropic"],
    ["/models/messages/production/predict", "plain"],
    ["/v1/messagesx", "plain"],
    ["/predict", "plain"],
    ["/v2/models/a/infer", "plain"],
    ["*", "plain"],
    ["", "plain"],
  ];
  for (const [target, family] of families) assert.equal(errorFamily(target), family, target);
  assert.equal(errorFamily("/v1/models", true), "anthropic");
});

test("types are those of the SDKs, for every status that an error may have", () => {
  const typeOf = (family: "openai" | "anthropic", status: number): string =>
    JSON.parse(errorJson(family, { ...FACTS, status })).error.type;
  const openai = new Set([
    "invalid_request_error",
    "authentication_error",
    "permission_error",
    "not_found_error",
    "rate_limit_error",
    "server_error",
  ]);
  const anthropic = new Set([
    ...[...openai].filter((type) => type !== "server_error"),
    "timeout_error",
    "api_error",
    "overloaded_error",
  ]);
  for (let status = 400; status < 600; status += 1) {
    assert.ok(openai.has(typeOf("openai", status)), String(status));
    assert.ok(anthropic.has(typeOf("anthropic", status)), String(status));
  }
  assert.deepEqual(
    [401, 403, 404, 413, 429, 500, 503].map((status) => typeOf("anthropic", status)),
    [
      "authentication_error",
      "permission_error",
      "not_found_error",
      "invalid_request_error",
      "rate_limit_error",
      "api_error",
      "overloaded_error",
    ],
  );
});

test("the object that a model gives goes out as it is, with what is missing in it", () => {
  const sent = (family: "openai" | "anthropic", error: unknown): unknown =>
    JSON.parse(errorJson(family, { ...FACTS, status: 400, error })).error;
  const own = {
    message: "too long",
    type: "context_error",
    param: "messages",
    code: "context_length_exceeded",
  };
  assert.deepEqual(sent("openai", own), own);
  assert.deepEqual(sent("openai", { error: own }), own, "the whole body");
  assert.deepEqual(sent("openai", { message: "m", code: 7, param: null, limit: 9 }), {
    message: "m",
    type: "invalid_request_error",
    param: null,
    code: 7,
    limit: 9,
  });
  assert.deepEqual(sent("anthropic", { type: "error", error: { type: "billing_error", message: "pay" } }), {
    type: "billing_error",
    message: "pay",
  });
  for (const [error, message] of [
    [{ reason: "x" }, '{"reason":"x"}'],
    [{ detail: "in words" }, "in words"],
    [["a", 1], '["a",1]'],
    [null, "null"],
    [undefined, "The model gave no reason."],
    [{ message: 5, type: 6 }, '{"message":5,"type":6}'],
  ] as const) {
    for (const family of ["openai", "anthropic"] as const) {
      const { message: told, type } = sent(family, error) as { message: string; type: string };
      assert.equal(told, message);
      assert.equal(type, "invalid_request_error");
    }
  }
});

test("what any shape says is read back: sentence, code, request id, hint, details", () => {
  const facts = {
    ...FACTS,
    hint: "List them with purlin status.",
    details: [{ path: "a[0]", message: "is no b" }],
  };
  for (const family of ["plain", "openai", "openai-responses", "anthropic"] as const) {
    assert.deepEqual(
      readError(JSON.parse(errorJson(family, facts))),
      { error: FACTS.error, code: "NOT_FOUND", request_id: "r1", hint: facts.hint, details: facts.details },
      family,
    );
  }
  const detail = { message: "a model's own", limit: 3 };
  assert.deepEqual(readError({ error: detail, code: "HTTP_ERROR" })?.error, detail);
  for (const other of [null, "text", 5, [], {}]) assert.equal(readError(other), null);
});

test("the error event of a stream is the one that the family's clients look for", () => {
  const dataOf = (text: string): Record<string, unknown> =>
    JSON.parse(/^data: (.*)$/m.exec(text)?.[1] as string) as Record<string, unknown>;
  const of = (family: "plain" | "openai" | "openai-responses" | "anthropic"): string =>
    errorEvent(family, errorJson(family, FACTS));
  assert.doesNotMatch(of("openai"), /^event:/m);
  assert.match(of("anthropic"), /^event: error$/m);
  assert.match(of("plain"), /^event: error$/m);
  assert.equal((dataOf(of("openai"))["error"] as { message: string }).message, FACTS.error);
  const { type, message, code, sequence_number, error } = dataOf(of("openai-responses"));
  assert.deepEqual([type, message, code, sequence_number], ["error", FACTS.error, "NOT_FOUND", 0]);
  assert.equal((error as { type: string }).type, "not_found_error");
});
