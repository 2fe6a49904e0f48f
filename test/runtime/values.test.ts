// What a return value becomes on the wire: model contract §4, spec cases A and B7-B9.
import assert from "node:assert/strict";
import { test } from "node:test";
import { runModel } from "../helpers/run-model.ts";
import { until } from "../helpers/until.ts";

/** One model for every case: the input names the expression that predict returns. */
const MODEL = (cases: Record<string, string>): string => `
const cases = {
${Object.entries(cases)
  .map(([name, code]) => `  ${JSON.stringify(name)}: () => { ${code} },`)
  .join("\n")}
};
export class Model { predict(input) { return cases[input](); } }
`;

const JSON_VALUES: Record<string, { code: string; answer: string }> = {
  null: { code: "return null", answer: "null" },
  undefined: { code: "", answer: "null" },
  "a string": { code: "return 'hé\\u{1F600}'", answer: '"hé\u{1F600}"' },
  "a boolean": { code: "return false", answer: "false" },
  "NaN and Infinity": {
    code: "return [NaN, Infinity, -Infinity, { a: NaN }]",
    answer: '[null,null,null,{"a":null}]',
  },
  "NaN alone": { code: "return NaN", answer: "null" },
  "undefined in places": { code: "return { a: undefined, b: [undefined] }", answer: '{"b":[null]}' },
  "a Date": { code: "return { at: new Date(0) }", answer: '{"at":"1970-01-01T00:00:00.000Z"}' },
  "a toJSON": { code: "return { x: { toJSON() { return 7 } } }", answer: '{"x":7}' },
  "an instance of a class": { code: "return new (class P { x = 1; #y = 2 })()", answer: '{"x":1}' },
  Float32Array: { code: "return Float32Array.of(1.5, 2, NaN)", answer: "[1.5,2,null]" },
  "typed arrays nested": {
    code: "return { a: [Int16Array.of(-1)], b: { c: Float64Array.of(0.1) }, d: Uint8Array.of(1, 2) }",
    answer: '{"a":[[-1]],"b":{"c":[0.1]},"d":[1,2]}',
  },
  "a nested Buffer": { code: "return { b: Buffer.from([7, 8]) }", answer: '{"b":[7,8]}' },
  BigInt64Array: {
    code: "return BigInt64Array.of(-9007199254740993n, 1n)",
    answer: '["-9007199254740993","1"]',
  },
  "BigUint64Array nested": {
    code: "return { x: BigUint64Array.of(18446744073709551615n) }",
    answer: '{"x":["18446744073709551615"]}',
  },
  "a view into a larger buffer": {
    code: "return { x: new Float32Array(Float32Array.of(1, 2, 3, 4).buffer, 4, 2) }",
    answer: '{"x":[2,3]}',
  },
  "a promise": { code: "return Promise.resolve({ a: 1 })", answer: '{"a":1}' },
  "an object without a prototype": {
    code: "const o = Object.create(null); o.a = 1; return o",
    answer: '{"a":1}',
  },
  "a shared part that is no cycle": {
    code: "const s = { v: 1 }; return { a: s, b: [s, s] }",
    answer: '{"a":{"v":1},"b":[{"v":1},{"v":1}]}',
  },
  "a key named __proto__": {
    code: 'return JSON.parse(\'{"__proto__":{"a":1}}\')',
    answer: '{"__proto__":{"a":1}}',
  },
  "a million characters": { code: "return 'é'.repeat(1e6)", answer: JSON.stringify("é".repeat(1e6)) },
};

test("JSON values, and what is near to them, are answered as JSON", async (t) => {
  const cases = Object.fromEntries(Object.entries(JSON_VALUES).map(([name, { code }]) => [name, code]));
  const { predict } = await runModel(t, MODEL(cases));
  for (const [name, { answer }] of Object.entries(JSON_VALUES)) {
    const response = await predict(name);
    assert.equal(response.status, 200, name);
    assert.equal(response.headers.get("content-type"), "application/json", name);
    assert.equal(await response.text(), answer, name);
  }
});

/** The code of a value that JSON cannot hold, and the place in it that the log names. */
const UNSERIALIZABLE: Record<string, [code: string, place: RegExp]> = {
  "a function": ["return () => 1", /the value is a function/],
  "a symbol": ["return { s: [Symbol('x')] }", /s\[0\] is a symbol/],
  "a BigInt": ["return { a: [{ b: 1n }] }", /a\[0\]\.b is a bigint/],
  "a Map": ["return { cache: new Map() }", /cache is a Map/],
  "a Set": ["return new Set([1])", /the value is a Set/],
  "a cycle": ["const o = { list: [{}] }; o.list[0].up = o; return o", /list\[0\]\.up/],
  "a tree whose children know their parent": [
    "const root = { kids: [] }; for (let i = 0; i < 4; i++) root.kids.push({ root, next: root }); return root",
    /kids\[0\]\.root/,
  ],
  "a promise inside": ["return { p: Promise.resolve(1) }", /p is a Promise/],
  "a toJSON that throws": ["return { x: { toJSON() { throw new Error('not me') } } }", /not me/],
  "a getter that throws": ["return { get x() { throw new Error('no x') } }", /no x/],
};

test("what JSON cannot hold is a 500 whose log names the place, and the next request is answered", async (t) => {
  const cases = Object.fromEntries(Object.entries(UNSERIALIZABLE).map(([name, [code]]) => [name, code]));
  const model = await runModel(t, MODEL({ ...cases, good: "return 'fine'" }));
  for (const [name, [, place]] of Object.entries(UNSERIALIZABLE)) {
    const response = await model.predict(name, { headers: { "x-request-id": `case ${name}` } });
    assert.equal(response.status, 500, name);
    const body = (await response.json()) as Record<string, unknown>;
    assert.equal(body["code"], "UNSERIALIZABLE_OUTPUT", name);
    assert.equal(typeof body["error"], "string");
    const log = await until(
      () =>
        model.logs().find(
          (record) =>
            record["code"] === "UNSERIALIZABLE_OUTPUT" &&
            record["request_id"] === response.headers.get("x-request-id") &&
            // The line of the request itself is there, too.
            !record.message.startsWith("POST "),
        ),
      { what: `the log of ${name}` },
    );
    assert.match(log.message, place, name);
  }
  assert.equal(await (await model.predict("good")).json(), "fine");
});

const BINARY: Record<string, [code: string, type: string, bytes: number[]]> = {
  "a Uint8Array": ["return Uint8Array.of(0, 255, 10)", "application/octet-stream", [0, 255, 10]],
  "a Buffer from the pool": ["return Buffer.from('hé')", "application/octet-stream", [104, 195, 169]],
  "an ArrayBuffer": ["return Uint8Array.of(1, 2).buffer", "application/octet-stream", [1, 2]],
  "an empty Uint8Array": ["return new Uint8Array()", "application/octet-stream", []],
  "a Blob with a type": ["return new Blob(['ab'], { type: 'image/png' })", "image/png", [97, 98]],
  "a Blob without one": ["return new Blob(['a'])", "application/octet-stream", [97]],
};

test("bytes are answered as bytes, a Blob under its own type", async (t) => {
  const cases = Object.fromEntries(Object.entries(BINARY).map(([name, [code]]) => [name, code]));
  const { predict } = await runModel(
    t,
    MODEL({ ...cases, large: "return new Uint8Array(5_000_000).map((_, i) => i % 251)" }),
  );
  for (const [name, [, type, bytes]] of Object.entries(BINARY)) {
    const response = await predict(name);
    assert.equal(response.status, 200, name);
    assert.equal(response.headers.get("content-type"), type, name);
    assert.deepEqual([...new Uint8Array(await response.arrayBuffer())], bytes, name);
  }
  const large = new Uint8Array(await (await predict("large")).arrayBuffer());
  assert.equal(large.length, 5_000_000);
  assert.ok(large.every((byte, i) => byte === i % 251));
});

test("a Response passes through with its status, all of its headers and its body", async (t) => {
  const { predict } = await runModel(
    t,
    MODEL({
      created:
        "return new Response('hi', { status: 201, headers: { 'x-a': '1', 'content-type': 'text/css' } })",
      empty: "return new Response(null, { status: 204 })",
      moved: "return new Response(null, { status: 302, headers: { location: '/else' } })",
      failed: "return Response.json({ own: 'error' }, { status: 500 })",
      cookies:
        "const h = new Headers(); h.append('set-cookie', 'a=1'); h.append('set-cookie', 'b=2; Path=/'); return new Response('x', { headers: h })",
      hop: "return new Response('x', { headers: { 'connection': 'x-drop', 'keep-alive': 'timeout=1', 'transfer-encoding': 'gzip', 'x-kept': 'yes' } })",
      stream:
        "return new Response(new ReadableStream({ start(c) { for (let i = 0; i < 5; i++) c.enqueue(new TextEncoder().encode(String(i))); c.close() } }))",
      odd: "return new Response('x', { headers: { 'x-odd': 'a\\u0001b', 'x-latin': 'caf\\u00e9' } })",
    }),
  );
  const created = await predict("created");
  assert.deepEqual(
    [created.status, created.headers.get("x-a"), created.headers.get("content-type"), await created.text()],
    [201, "1", "text/css", "hi"],
  );
  const empty = await predict("empty");
  assert.deepEqual([empty.status, await empty.text()], [204, ""]);
  const moved = await predict("moved", { redirect: "manual" });
  assert.deepEqual([moved.status, moved.headers.get("location")], [302, "/else"]);
  const failed = await predict("failed");
  assert.deepEqual([failed.status, await failed.json()], [500, { own: "error" }]);
  assert.deepEqual((await predict("cookies")).headers.getSetCookie(), ["a=1", "b=2; Path=/"]);
  const hop = await predict("hop");
  assert.deepEqual([hop.headers.get("x-kept"), await hop.text()], ["yes", "x"]);
  assert.notEqual(hop.headers.get("connection"), "x-drop");
  assert.equal(await (await predict("stream")).text(), "01234");
  const odd = await predict("odd");
  assert.deepEqual([odd.status, await odd.text()], [200, "x"]);
  assert.equal(odd.headers.get("x-latin"), "café");
});

test("any JSON value is an input, whatever the content type says; none at all is refused", async (t) => {
  const { url } = await runModel(t, "export class Model { predict(input) { return input; } }");
  const post = (body: string, path = "/predict", type = "application/json"): Promise<Response> =>
    fetch(url + path, { method: "POST", body, headers: { "content-type": type } });
  for (const body of ['{"a":1.5,"b":null}', "null", "3", '"x"', "[1]", '"h\\u00e9"', " 3 "]) {
    assert.deepEqual(await (await post(body)).json(), JSON.parse(body), body);
  }
  for (const path of ["/invocations", "/v1/models/model:predict", "/v1/models/any%20name:predict?x=1"]) {
    assert.deepEqual(await (await post('{"a":1}', path)).json(), { a: 1 }, path);
  }
  assert.deepEqual(await (await post('{"a":1}', "/predict", "text/plain")).json(), { a: 1 });
  for (const body of ["", "{bad", "[1,]", "nul", '{"a":1}x', "\u0000"]) {
    const response = await post(body);
    assert.equal(response.status, 400, body);
    const { code, error, request_id: id } = (await response.json()) as Record<string, string>;
    assert.equal(code, "INVALID_JSON");
    assert.ok(error);
    assert.equal(id, response.headers.get("x-request-id"));
  }
});
