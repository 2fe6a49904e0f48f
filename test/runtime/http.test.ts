import assert from "node:assert/strict";
import { connect } from "node:net";
import { describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { runModel } from "../helpers/run-model.ts";

const ECHO = "export class Model { predict(x) { return x; } chatCompletions(x) { return x; } }";

/** Sends bytes as they are and gives everything that comes back until the server closes or `ms` pass. */
function raw(url: string, pieces: (string | Buffer)[], ms = 1500): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect(Number(new URL(url).port), "127.0.0.1", () => {
      for (const piece of pieces) socket.write(piece);
    });
    const timer = setTimeout(() => socket.destroy(), ms);
    socket.on("data", (chunk) => (text += chunk.toString("latin1")));
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(text);
    });
  });
}

const post = (body: string, headers = ""): string =>
  `POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`;

describe("HTTP", () => {
  it("routes, methods and the one shape of errors", async (t) => {
    const { url } = await runModel(t, ECHO);
    const answer = async (path: string, init?: RequestInit): Promise<[number, string]> => {
      const response = await fetch(url + path, init);
      const body = (await response.json()) as { code?: string; request_id?: string; error?: string };
      if (response.status >= 400) assert.ok(body.error && body.request_id, path);
      return [response.status, body.code ?? ""];
    };
    const json = { method: "POST", body: '{"a":1}' };
    for (const path of ["/predict", "/invocations", "/v1/models/any.thing:predict", "/v1/chat/completions"]) {
      assert.deepEqual(await answer(path, json), [200, ""]);
    }
    for (const path of [
      "/",
      "/health/live",
      "/health/ready",
      "/ping",
      "/v1/models/m",
      "/v1/models/m/loaded",
    ]) {
      assert.equal((await answer(path))[0], 200, path);
    }
    assert.deepEqual(await answer("/nope"), [404, "NOT_FOUND"]);
    assert.deepEqual(await answer("/v1/embeddings", json), [404, "METHOD_NOT_IMPLEMENTED"]);
    assert.deepEqual(await answer("/schema"), [404, "NO_SCHEMA"]);
    const get = await fetch(`${url}/predict`);
    assert.deepEqual([get.status, get.headers.get("allow")], [405, "POST"]);
    assert.deepEqual(await answer("/predict", { method: "POST", body: "" }), [400, "INVALID_JSON"]);
    assert.deepEqual(await answer("/predict", { method: "POST", body: "{bad" }), [400, "INVALID_JSON"]);
    const octets = { "content-type": "application/octet-stream" };
    assert.deepEqual(await answer("/predict", { ...json, headers: octets }), [400, "INVALID_MSGPACK"]);
    assert.deepEqual(await answer("/predict", { ...json, headers: { "content-type": "text/plain" } }), [
      200,
      "",
    ]);
    const id = await fetch(`${url}/predict`, { ...json, headers: { "x-request-id": "abc-1" } });
    assert.equal(id.headers.get("x-request-id"), "abc-1");
    const bad = await fetch(`${url}/predict`, { ...json, headers: { "x-request-id": "a b\u00e9" } });
    assert.notEqual(bad.headers.get("x-request-id"), "a b\u00e9");
  });

  it("what is not HTTP gets a 4xx and a closed connection; the server goes on", async (t) => {
    const { url, predict } = await runModel(t, ECHO);
    assert.match(
      await raw(url, ["\x16\x03\x01\x00\xff garbage\r\n\r\n"]),
      /^HTTP\/1\.1 400 [\s\S]*INVALID_REQUEST/,
    );
    const headers = `POST /predict HTTP/1.1\r\nHost: x\r\nX-Long: ${"a".repeat(40_000)}\r\n\r\n`;
    assert.match(await raw(url, [headers]), /^HTTP\/1\.1 431 [\s\S]*HEADERS_TOO_LARGE/);
    const chunks =
      "POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n";
    assert.match(await raw(url, [chunks]), /^HTTP\/1\.1 400/);
    const both =
      "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n123\r\n0\r\n\r\n";
    assert.match(await raw(url, [both]), /^HTTP\/1\.1 400/);
    // The body ends before the length that was promised: the request never happens.
    const short = post("123").replace("Content-Length: 3", "Content-Length: 30");
    assert.doesNotMatch(await raw(url, [short], 300), /200 OK/);
    // More than promised is the next request, which is none: nothing on this connection can be trusted.
    const long = post("12345").replace("Content-Length: 5", "Content-Length: 2");
    assert.match(await raw(url, [long]), /HTTP\/1\.1 400 [\s\S]*INVALID_REQUEST/);
    assert.equal((await predict(1)).status, 200);
  });

  it("pipelined requests are answered in order", async (t) => {
    const { url } = await runModel(t, ECHO);
    const bodies = Array.from({ length: 20 }, (_, i) => `"answer ${i}"`);
    const text = await raw(url, [bodies.map((body) => post(body)).join("")], 800);
    assert.deepEqual(text.match(/"answer \d+"/g), bodies);
  });

  it("a body over the limit is refused before it is read", async (t) => {
    const { url, predict } = await runModel(t, ECHO, { config: "runtime: {max_body_bytes: 100000}" });
    const head = "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n";
    assert.match(await raw(url, [`${head}\r\n`]), /^HTTP\/1\.1 413 [\s\S]*BODY_TOO_LARGE/);
    const asked = await raw(url, [`${head}Expect: 100-continue\r\n\r\n`]);
    assert.match(asked, /^HTTP\/1\.1 413/);
    assert.ok(!asked.includes("100 Continue"));
    const chunk = `${(60_000).toString(16)}\r\n${"a".repeat(60_000)}\r\n`;
    const unknown = "POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert.match(await raw(url, [unknown, chunk, chunk, "0\r\n\r\n"]), /^HTTP\/1\.1 413/);
    const expected = await raw(url, [post("1", "Expect: 100-continue\r\n")], 400);
    assert.match(expected, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
    assert.equal((await predict("x".repeat(90_000))).status, 200);
  });

  it("gzip bodies are taken, damaged and exploding ones refused", async (t) => {
    const { predict } = await runModel(t, ECHO, { config: "runtime: {max_body_bytes: 20000000}" });
    const send = (body: Buffer, encoding = "gzip"): Promise<Response> =>
      predict(null, { body: new Uint8Array(body), headers: { "content-encoding": encoding } });
    const good = await send(gzipSync(JSON.stringify({ text: "é".repeat(50_000) })));
    assert.deepEqual(await good.json(), { text: "é".repeat(50_000) });
    assert.equal((await send(gzipSync('{"a":1}').subarray(0, 20))).status, 400);
    assert.equal((await send(Buffer.from("no gzip at all"))).status, 400);
    assert.equal((await send(gzipSync(Buffer.alloc(60_000_000, 32)))).status, 413);
    assert.equal((await send(Buffer.from("1"), "compress")).status, 415);
    assert.equal((await predict(1)).status, 200);
  });

  it("CORS answers allowed origins only, and is off by default", async (t) => {
    const { url } = await runModel(t, ECHO, { config: "runtime: {cors: ['https://a.example']}" });
    const ask = (origin: string): Promise<Response> =>
      fetch(`${url}/predict`, {
        method: "OPTIONS",
        headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "x-a" },
      });
    const allowed = await ask("https://a.example");
    assert.deepEqual(
      [allowed.status, allowed.headers.get("access-control-allow-origin")],
      [204, "https://a.example"],
    );
    assert.equal((await ask("https://b.example")).headers.get("access-control-allow-origin"), null);
    const plain = await runModel(t, ECHO);
    const response = await plain.predict(1, { headers: { origin: "https://a.example" } });
    assert.equal(response.headers.get("access-control-allow-origin"), null);
  });
});
