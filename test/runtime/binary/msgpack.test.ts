// msgpack in and out: model contract §4, spec cases H1-H7. The other end is another implementation of msgpack.
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { decode, encode, ExtData, ExtensionCodec } from "@msgpack/msgpack";
import { runModel } from "../../helpers/run-model.ts";
import { until } from "../../helpers/until.ts";

const ECHO = `
const kind = (value) => value === null || typeof value !== "object" ? typeof value : value.constructor.name;
const cases = {
  echo: (value) => value,
  kind: (value) => kind(value),
  "kind of data": (value) => kind(value.data),
  floats: () => Float32Array.of(1.5, NaN, Infinity, -0),
  nested: () => ({ rows: [Float64Array.of(0.1), { deep: Uint16Array.of(1, 65535) }] }),
  bytes: () => Buffer.from([1, 2, 255]),
  "clamped bytes": () => Uint8ClampedArray.of(1, 300),
  undefined: () => undefined,
  "undefined in places": () => ({ a: undefined, b: [undefined] }),
  numbers: () => [NaN, Infinity, -Infinity, -0, 2 ** 53, 1e300, 9007199254740993n, -(2n ** 63n), 2n ** 64n - 1n],
  date: () => ({ at: new Date("2024-05-06T07:08:09.123Z"), early: new Date(-1500) }),
  tensor: () => ({ datatype: "FP32", shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }),
  slice: () => new Float32Array(Float32Array.of(1, 2, 3, 4).buffer, 4, 2),
  function: () => ({ a: [{ f: () => 1 }] }),
  "large bigint": () => ({ n: 2n ** 64n }),
  cycle: () => { const a = { b: [] }; a.b.push({ a }); return a; },
  map: () => ({ m: new Map() }),
  objects: async function* () { yield { n: 1 }; yield "text"; yield Float32Array.of(1.5); yield Buffer.from([7]); },
  "bad item": function* () { yield { n: 1 }; yield { f: () => 1 }; },
  error: () => { throw new Error("no") },
};
export class Model { predict([name, value]) { return cases[name](value); } }
`;

/** Decodes our extensions back into what they stand for. */
const KINDS = [
  Int8Array,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  BigInt64Array,
  BigUint64Array,
  Float32Array,
  Float64Array,
];
const extensionCodec = new ExtensionCodec();
KINDS.forEach((kind, i) =>
  extensionCodec.register({
    type: i + 1,
    encode: () => null,
    decode: (data) => new kind(data.slice().buffer),
  }),
);
const read = (bytes: Uint8Array): unknown => decode(bytes, { extensionCodec, useBigInt64: true });
const extension = (array: ArrayBufferView): ExtData => {
  const type = KINDS.findIndex((kind) => array instanceof kind) + 1;
  return new ExtData(type, new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
};

async function start(t: TestContext) {
  const model = await runModel(t, ECHO);

  async function send(body: Uint8Array, contentType = "application/x-msgpack") {
    const response = await fetch(`${model.url}/predict`, {
      method: "POST",
      body: body as Uint8Array<ArrayBuffer>,
      headers: { "content-type": contentType },
    });
    const bytes = new Uint8Array(await response.arrayBuffer());
    return { status: response.status, type: response.headers.get("content-type"), bytes };
  }

  async function ask(name: string, value: unknown = null): Promise<unknown> {
    const { status, bytes } = await send(encode([name, value], { useBigInt64: true }));
    assert.equal(status, 200, `${name}: ${Buffer.from(bytes).toString()}`);
    return read(bytes);
  }

  return { send, ask, logText: model.logText };
}

describe("msgpack", () => {
  it("is known by each of its names, in any case and with parameters, and answered by the same name", async (t) => {
    const model = await start(t);
    const names = {
      "application/x-msgpack": "application/x-msgpack",
      "application/msgpack": "application/msgpack",
      "Application/Vnd.MsgPack": "application/vnd.msgpack",
      "application/octet-stream": "application/octet-stream",
      "Application/Octet-Stream; charset=binary": "application/octet-stream",
    };
    for (const [sent, answered] of Object.entries(names)) {
      const { status, type, bytes } = await model.send(encode(["echo", { a: [1, "b", true, null] }]), sent);
      assert.deepEqual([status, type], [200, answered]);
      assert.deepEqual(read(bytes), { a: [1, "b", true, null] });
    }
    assert.equal((await model.send(encode(["echo", 1]), "application/msgpack-not")).status, 400);
  });

  it("every value that msgpack has a type for comes back as it went", async (t) => {
    const model = await start(t);
    const values = [0, 127, 128, 255, 256, 65535, 65536, 2 ** 32 - 1, 2 ** 32, -1, -32, -33, -128, -129];
    const more = [
      -32768,
      -32769,
      -(2 ** 31),
      -(2 ** 31) - 1,
      Number.MIN_SAFE_INTEGER,
      1.5,
      1e-300,
      "",
      "é😀",
    ];
    const lists = [
      "x".repeat(31),
      "x".repeat(32),
      "x".repeat(70_000),
      Array.from({ length: 70_000 }, () => 1),
      new Uint8Array(300),
    ];
    const echoed = (await model.ask("echo", [...values, ...more, ...lists])) as unknown[];
    const plain = echoed.map((value) => (typeof value === "bigint" ? Number(value) : value));
    assert.deepEqual(plain, [...values, ...more, ...lists]);
    const many = Object.fromEntries(Array.from({ length: 70_000 }, (_, i) => [`k${i}`, i]));
    assert.deepEqual(await model.ask("echo", many), many);
  });

  it("NaN, infinities, -0 and 64-bit numbers survive", async (t) => {
    const model = await start(t);
    const [nan, ...rest] = (await model.ask("numbers")) as unknown[];
    assert.ok(Number.isNaN(nan));
    const big = [9007199254740993n, -(2n ** 63n), 2n ** 64n - 1n];
    assert.deepEqual(rest, [Infinity, -Infinity, -0, 2 ** 53, 1e300, ...big]);
    assert.ok(Object.is(rest[2], -0));
    assert.equal(await model.ask("kind", 2n ** 60n), "bigint");
    assert.equal(
      await model.ask("kind", 2n ** 40n),
      "number",
      "a 64-bit number that a number holds exactly is one",
    );
  });

  it("typed arrays travel as extensions, and reach predict as what they are", async (t) => {
    const model = await start(t);
    for (const kind of KINDS) {
      const array = Object.assign(
        new kind(3),
        [1, 2, 3].map((n) => (kind.name.startsWith("Big") ? BigInt(n) : n)),
      );
      assert.equal(await model.ask("kind", extension(array)), kind.name);
      assert.deepEqual(await model.ask("echo", extension(array)), array);
    }
    assert.deepEqual(await model.ask("floats"), Float32Array.of(1.5, NaN, Infinity, -0));
    assert.deepEqual(await model.ask("nested"), {
      rows: [Float64Array.of(0.1), { deep: Uint16Array.of(1, 65535) }],
    });
    assert.deepEqual(await model.ask("slice"), Float32Array.of(2, 3));
    const large = Float32Array.from({ length: 300_001 }, (_, i) => i);
    // Wherever it lies in the body: only some places are aligned.
    for (const before of ["", "x", "xx", "xxx"])
      assert.deepEqual(await model.ask("echo", [before, extension(large)]), [before, large]);
  });

  it("bytes are bin; undefined is nil; a Date is a timestamp", async (t) => {
    const model = await start(t);
    assert.deepEqual(await model.ask("bytes"), Uint8Array.of(1, 2, 255));
    assert.deepEqual(await model.ask("clamped bytes"), Uint8Array.of(1, 255));
    assert.equal(await model.ask("kind", Uint8Array.of(1)), "Buffer");
    assert.equal(await model.ask("undefined"), null);
    assert.deepEqual(await model.ask("undefined in places"), { b: [null] });
    assert.deepEqual(await model.ask("date"), {
      at: new Date("2024-05-06T07:08:09.123Z"),
      early: new Date(-1500),
    });
    for (const at of [0, 1e12, 1.5e12 + 1, 2 ** 32 * 1000, -1, 2 ** 34 * 1000 + 7])
      assert.deepEqual(await model.ask("echo", new Date(at)), new Date(at));
    assert.equal(await model.ask("kind", new Date(0)), "Date");
  });

  it("what cannot be sent is a 500, and the log names the place", async (t) => {
    const model = await start(t);
    const places: Record<string, RegExp> = {
      function: /a\[0\]\.f is a function/,
      "large bigint": /at n is a bigint of more than 64 bits/,
      cycle: /b\[0\]\.a is one of the objects that hold it/,
      map: /at m is a Map/,
    };
    for (const [name, place] of Object.entries(places)) {
      const { status, type, bytes } = await model.send(encode([name, null]));
      assert.deepEqual([status, type], [500, "application/json"], name);
      assert.equal(JSON.parse(Buffer.from(bytes).toString()).code, "UNSERIALIZABLE_OUTPUT");
      await until(() => place.test(model.logText()));
    }
    assert.equal((await model.send(encode(["error", null]))).status, 500);
  });

  it("what is no msgpack is a 400 that says where", async (t) => {
    const model = await start(t);
    const whole = encode(["echo", { text: "abc", list: [1, 2.5], at: extension(Float32Array.of(1)) }]);
    const bad: [Uint8Array, RegExp][] = [
      [new Uint8Array(0), /the body is empty/],
      [Uint8Array.of(0xc1), /byte 0 is 0xc1/],
      [Uint8Array.of(1, 2), /1 bytes follow the value, which ends at byte 1/],
      [Uint8Array.of(0xc7, 3, 8, 1, 2, 3), /a Float32Array of 3 bytes/],
      [Uint8Array.of(0xd4, 99, 0), /an extension of type 99/],
      [Uint8Array.of(0x81, 0x90, 1), /the key at byte 1/],
      [Buffer.concat([Buffer.alloc(100_000, 0x91), Buffer.of(1)]), /nested deeper than 512/],
      [Uint8Array.of(0xdd, 255, 255, 255, 255), /ends at byte 5, in the middle/],
      [Uint8Array.of(0xdf, 255, 255, 255, 255), /in the middle/],
      [Uint8Array.of(0xc6, 255, 255, 255, 255), /in the middle/],
      [Uint8Array.of(0xdb, 255, 255, 255, 255), /in the middle/],
    ];
    for (let cut = 0; cut < whole.length; cut += 1)
      bad.push([whole.subarray(0, cut), /Invalid msgpack payload/]);
    for (const [body, why] of bad) {
      const { status, bytes } = await model.send(body);
      const { code, error } = JSON.parse(Buffer.from(bytes).toString()) as { code: string; error: string };
      assert.deepEqual([status, code], [400, "INVALID_MSGPACK"]);
      assert.match(error, why);
    }
  });

  it("a key __proto__ is a property like any other", async (t) => {
    const model = await start(t);
    // {"__proto__": {"x": 1}}
    const body = Buffer.concat([
      Buffer.of(0x92),
      encode("echo"),
      Buffer.of(0x81),
      encode("__proto__"),
      encode({ x: 1 }),
    ]);
    const { bytes } = await model.send(body);
    assert.deepEqual(Buffer.from(bytes), body.subarray(1 + encode("echo").length));
  });

  it("each item of a stream is one msgpack value", async (t) => {
    const model = await start(t);
    const { status, type, bytes } = await model.send(encode(["objects", null]));
    assert.deepEqual([status, type], [200, "application/x-msgpack"]);
    const items = [{ n: 1 }, "text", extension(Float32Array.of(1.5)), Uint8Array.of(7)];
    assert.deepEqual(Buffer.from(bytes), Buffer.concat(items.map((item) => encode(item))));
    await assert.rejects(
      model.send(encode(["bad item", null])),
      "a stream that breaks off does not look whole",
    );
    await until(() => /at f is a function/.test(model.logText()));
  });

  it("the array that a model uses again for its next answer reaches the client as it was returned", async (t) => {
    const reusing = await runModel(
      t,
      `const out = new Float32Array(4e6); let n = 0;
       export class Model { predict() { return out.fill(++n); } }`,
    );
    const answers = await Promise.all(
      Array.from({ length: 6 }, async () => {
        const response = await fetch(`${reusing.url}/predict`, {
          method: "POST",
          body: encode(null) as Uint8Array<ArrayBuffer>,
          headers: { "content-type": "application/msgpack" },
        });
        const floats = read(new Uint8Array(await response.arrayBuffer())) as Float32Array;
        assert.ok(
          floats.every((value) => value === floats[0]),
          "one answer holds numbers of another",
        );
        return floats[0];
      }),
    );
    assert.deepEqual(answers.sort(), [1, 2, 3, 4, 5, 6]);
  });

  it("a schema checks the decoded input, and a short answer is these bytes", async (t) => {
    const typed = await runModel(
      t,
      `const schema = { "~standard": { version: 1, vendor: "t", validate: (value) => typeof value?.prompt === "string"
         ? { value } : { issues: [{ message: "Field required", path: ["prompt"] }] } } };
       export class Model { static input = schema; predict({ prompt }) { return { generated_text: prompt }; } }`,
    );
    const post = (value: unknown) =>
      fetch(`${typed.url}/predict`, {
        method: "POST",
        body: encode(value) as Uint8Array<ArrayBuffer>,
        headers: { "content-type": "application/octet-stream" },
      });
    const good = Buffer.from(await (await post({ prompt: "value" })).arrayBuffer());
    assert.deepEqual(good, Buffer.from("\x81\xaegenerated_text\xa5value", "latin1"));
    const bad = await post({ bad_key: "v" });
    assert.deepEqual([bad.status, ((await bad.json()) as { code: string }).code], [400, "INVALID_INPUT"]);
  });
});
