// Return values and errors that look right and are not: each costs its own request at most, never a slot or the front.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { readMetric } from "../helpers/read-metric.ts";
import { runModel } from "../helpers/run-model.ts";
import { until } from "../helpers/until.ts";

const httpError = (status: string, headers = "{}"): string =>
  `throw Object.defineProperty(Object.assign(new Error("x"), { status: ${status}, detail: "d", headers: ${headers}, code: "C" }), Symbol.for("purlin.HttpError"), { value: true })`;
const response = (body: string, length: string): string =>
  `return new Response(${body}, { headers: { "content-length": "${length}" } })`;
const stream = (body: string): string => `return new Response(new ReadableStream({ ${body} }))`;

/** The answer's status; "aborted" where the client must see a broken one. */
const CASES: Record<string, [code: string, status: number | "aborted"]> = {
  "a body shorter than its content-length": [response("'x'", "10"), "aborted"],
  "a body longer than its content-length": [response("'xyzxyz'", "2"), 500],
  "a content-length that is no number": [response("'xyz'", "abc"), 200],
  "a content-length without a body": [response("null", "10"), 200],
  "an HttpError with a content-length of its own": [httpError("400", "{ 'content-length': '3' }"), 400],
  "an HttpError of status 0": [httpError("0"), 500],
  "an HttpError of status 999": [httpError("999"), 500],
  "an HttpError of status NaN": [httpError("NaN"), 500],
  "an HttpError without headers": [httpError("400", "null"), 400],
  "an HttpError with headers that HTTP has not": [
    httpError("400", "{ 'x a': '1', 'x-b': 'a\\r\\nx-c: \\u4f60' }"),
    400,
  ],
  "a Response whose body was read": ["const r = new Response('x'); r.text(); return r", 500],
  "a Response.error()": ["return Response.error()", 500],
  "a body stream of objects": [stream("start(c) { c.enqueue({ a: 1 }); c.close(); }"), 500],
  "a body stream that fails": [stream("pull() { throw new Error('boom'); }"), 500],
  "a locked stream": ["const s = new ReadableStream(); s.getReader(); return s", 500],
  "an iterator without next": ["return { [Symbol.asyncIterator]() { return {}; } }", 500],
  "no iterator at all": ["return { [Symbol.asyncIterator]() { return null; } }", 500],
  "an iterator that throws": ["return { [Symbol.iterator]() { throw new Error('it'); } }", 500],
  "a next that gives no object": [
    "return { [Symbol.asyncIterator]() { return { next() { return 3; } }; } }",
    500,
  ],
  "a then that throws": ["return { then() { throw new Error('then'); } }", 500],
  "a getter of then that throws": ["return { get then() { throw new Error('then'); } }", 500],
  "a proxy that throws": ["return new Proxy({}, { getPrototypeOf() { throw new Error('p'); } })", 500],
  "what only says that it is a Response": ["return Object.create({ [Symbol.toStringTag]: 'Response' })", 500],
  "what only says that it is a Blob": ["return Object.create({ [Symbol.toStringTag]: 'Blob' })", 500],
  "a hundred thousand levels": ["let o = {}; for (let i = 0; i < 1e5; i++) o = { o }; return o", 500],
};

for (const wait of ["", "await null;"]) {
  test(`odd answers of ${wait === "" ? "a sync" : "an async"} predict cost their own request at most`, async (t) => {
    const methods = Object.entries(CASES).map(
      ([name, [code]]) => `${JSON.stringify(name)}: ${wait === "" ? "" : "async "}() => { ${wait} ${code} }`,
    );
    const source = `const cases = { ${methods.join(",\n")} }; export class Model { predict(name) { return name in cases ? cases[name]() : "fine"; } }`;
    const model = await runModel(t, source);
    for (const [name, [, status]] of Object.entries(CASES)) {
      const answer = await model.predict(name, { signal: AbortSignal.timeout(5000) });
      const body = await answer.text().catch(() => "aborted");
      assert.equal(body === "aborted" ? body : answer.status, status, `${name}: ${body.slice(0, 200)}`);
      // On the same connection where it was kept: the framing is whole.
      assert.equal(await (await model.predict("good")).json(), "fine", name);
    }
    await until(async () => (await readMetric(model.url, "purlin_requests_in_flight")) === 0);
    assert.ok(!model.events.some(({ type }) => type === "crashed"), "the model process lives");
  });
}

test("what fetch gives can be returned as it is: decoded, without the headers of its way here", async (t) => {
  const text = "hello ".repeat(1000);
  const upstream = createServer((_req, res) => {
    const body = gzipSync(text);
    res
      .writeHead(200, { "content-encoding": "gzip", "content-length": body.length, "x-own": "kept" })
      .end(body);
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  t.after(() => upstream.close());
  const { port } = upstream.address() as { port: number };
  const { predict } = await runModel(
    t,
    `export class Model { predict() { return fetch("http://127.0.0.1:${port}"); } }`,
  );
  const answer = await predict(null);
  assert.deepEqual(
    [answer.status, answer.headers.get("content-encoding"), answer.headers.get("x-own")],
    [200, null, "kept"],
  );
  assert.equal(await answer.text(), text);
});
