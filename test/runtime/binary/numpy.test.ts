// What Truss's clients send and expect: msgpack as Python packs it with msgpack-numpy, spec case H6.
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { decode, encode, ExtData } from "@msgpack/msgpack";
import { runModel } from "../../helpers/run-model.ts";

const MODEL = `
const brief = (value) => value?.data?.buffer ? [value.datatype, value.shape, value.data.constructor.name, Array.from(value.data, Number)] : value;
const cases = {
  echo: (value) => value,
  seen: (value) => Object.fromEntries(Object.entries(value).map(([key, item]) => [key, brief(item)])),
  kind: (value) => value.constructor.name + " " + JSON.stringify(value),
  floats: () => ({ out: Float32Array.of(1, 2) }),
  shaped: () => ({ datatype: "INT64", shape: [1, 2], data: BigInt64Array.of(1n, -2n) }),
  wrong: () => ({ out: { datatype: "FP32", shape: [3], data: Float32Array.of(1) } }),
  date: () => new Date("2024-05-06T07:08:09.5Z"),
};
export class Model { predict([name, value]) { return cases[name](value); } }`;

/** A dict of Python whose keys are bytes, as msgpack-numpy's are. */
function dict(entries: Record<string, unknown>): Uint8Array {
  const list = Object.entries(entries);
  return Buffer.concat([
    Buffer.of(0x80 + list.length),
    ...list.flatMap(([key, value]) => [encode(Buffer.from(key)), encode(value)]),
  ]);
}

const ndarray = (type: string, shape: number[], data: Uint8Array): Uint8Array =>
  dict({ nd: true, type, kind: Buffer.alloc(0), shape, data });

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);

/** [name, value] with the value packed already. */
const call = (name: string, value: Uint8Array): Uint8Array =>
  Buffer.concat([Buffer.of(0x92), encode(name), value]);
/** {"x": value} likewise. */
const under = (key: string, value: Uint8Array): Uint8Array =>
  Buffer.concat([Buffer.of(0x81), encode(key), value]);

async function start(t: TestContext) {
  const { url } = await runModel(t, MODEL);
  async function send(body: Uint8Array, type = "application/octet-stream") {
    const init = { method: "POST", body: body as Uint8Array<ArrayBuffer>, headers: { "content-type": type } };
    const response = await fetch(`${url}/predict`, init);
    return { status: response.status, bytes: Buffer.from(await response.arrayBuffer()) };
  }
  const ask = async (name: string, value: Uint8Array, type?: string): Promise<Buffer> => {
    const { status, bytes } = await send(call(name, value), type);
    assert.equal(status, 200, bytes.toString());
    return bytes;
  };
  const refused = async (value: Uint8Array): Promise<string> => {
    const { status, bytes } = await send(call("seen", under("x", value)));
    const { error, code } = JSON.parse(bytes.toString()) as { error: string; code: string };
    assert.deepEqual([status, code], [400, "INVALID_MSGPACK"]);
    return error;
  };
  return { send, ask, refused };
}

describe("numpy arrays in msgpack", () => {
  it("an array of any type and byte order is a tensor for predict, and comes back as Python wrote it", async (t) => {
    const { ask } = await start(t);
    const types: Record<string, [ArrayBufferView, string]> = {
      "|b1": [Uint8Array.of(1, 0), "BOOL"],
      "|u1": [Uint8Array.of(1, 255), "UINT8"],
      "<u2": [Uint16Array.of(1, 65535), "UINT16"],
      "<u4": [Uint32Array.of(1, 2), "UINT32"],
      "<u8": [BigUint64Array.of(1n, 2n), "UINT64"],
      "|i1": [Int8Array.of(-1, 2), "INT8"],
      "<i2": [Int16Array.of(-1, 2), "INT16"],
      "<i4": [Int32Array.of(-1, 2), "INT32"],
      "<i8": [BigInt64Array.of(-1n, 2n), "INT64"],
      "<f2": [Uint16Array.of(0x3c00, 0), "FP16"],
      "<f4": [Float32Array.of(1.5, -2), "FP32"],
      "<f8": [Float64Array.of(0.1, -2), "FP64"],
    };
    for (const [type, [array, datatype]] of Object.entries(types)) {
      const packed = ndarray(type, [2, 1], bytesOf(array));
      const kind = array.constructor.name;
      const values = Array.from(array as Float64Array, Number);
      const seen = decode(await ask("seen", under("x", packed)));
      assert.deepEqual(seen, { x: [datatype, [2, 1], kind, values] }, type);
      assert.deepEqual(await ask("echo", packed), Buffer.from(packed), type);
    }
    const turned = ndarray(">f4", [2], bytesOf(Float32Array.of(1, 2)).swap32());
    assert.deepEqual(decode(await ask("seen", under("x", turned))), {
      x: ["FP32", [2], "Float32Array", [1, 2]],
    });
    assert.deepEqual(
      await ask("echo", turned),
      Buffer.from(ndarray("<f4", [2], bytesOf(Float32Array.of(1, 2)))),
    );
  });

  it("the very bytes of Python: packed by msgpack 1.0.3 with msgpack-numpy 0.4.8", async (t) => {
    const { send } = await start(t);
    // ["seen", {"x": np.array([[1, 2], [3, 4]], dtype="<f4"), "s": np.float32(1.5)}]
    const packed =
      "92a47365656e82a17885c4026e64c3c40474797065a33c6634c4046b696e64c400c4057368617065920202c40464617461c410" +
      "0000803f000000400000404000008040a17383c4026e64c2c40474797065a33c6634c40464617461c4040000c03f";
    const { status, bytes } = await send(Buffer.from(packed, "hex"));
    assert.equal(status, 200, bytes.toString());
    assert.deepEqual(decode(bytes), { x: ["FP32", [2, 2], "Float32Array", [1, 2, 3, 4]], s: 1.5 });
  });

  it("typed arrays and tensors are answered as arrays of numpy to those who call msgpack octet-stream", async (t) => {
    const { ask, send } = await start(t);
    const floats = under("out", ndarray("<f4", [2], bytesOf(Float32Array.of(1, 2))));
    assert.deepEqual(await ask("floats", encode(null)), Buffer.from(floats));
    const longs = ndarray("<i8", [1, 2], bytesOf(BigInt64Array.of(1n, -2n)));
    assert.deepEqual(await ask("shaped", encode(null)), Buffer.from(longs));
    assert.equal((await send(call("wrong", encode(null)))).status, 500);

    // Under msgpack's own names to those who sent some; to others as extensions.
    const array = ndarray("|u1", [1], Uint8Array.of(1));
    assert.deepEqual(await ask("floats", array, "application/x-msgpack"), Buffer.from(floats));
    const extension = encode({ out: new ExtData(8, bytesOf(Float32Array.of(1, 2))) });
    assert.deepEqual(await ask("floats", encode(null), "application/x-msgpack"), Buffer.from(extension));
    const sent = encode([new ExtData(8, bytesOf(Float32Array.of(1)))]);
    assert.deepEqual(await ask("floats", sent), Buffer.from(extension), "in kind");
  });

  it("numbers of numpy are numbers; dates, decimals and uuids of Truss are dates and texts", async (t) => {
    const { ask } = await start(t);
    const number = dict({ nd: false, type: "<f4", data: bytesOf(Float32Array.of(1.5)) });
    assert.equal(decode(await ask("kind", number)), "Number 1.5");
    assert.equal(
      decode(await ask("kind", dict({ nd: false, type: "|b1", data: Uint8Array.of(1) }))),
      "Boolean true",
    );
    for (const text of [
      "2024-05-06T07:08:09.500000",
      "2024-05-06T07:08:09.500Z",
      "2024-05-06T09:08:09.5+02:00",
    ]) {
      const date = dict({ __dt_datetime_iso__: true, data: text });
      assert.equal(decode(await ask("kind", date)), 'Date "2024-05-06T07:08:09.500Z"');
    }
    assert.equal(decode(await ask("kind", dict({ __decimal__: true, data: "1.10" }))), 'String "1.10"');
    for (const [parts, text] of [
      [[1, 2, 3], "P1DT2.000003S"],
      [[0, 0, 0], "P0D"],
      [[7, 0, 0], "P7D"],
      [[0, 90, 500_000], "PT90.5S"],
      // Python's way to write minus one second.
      [[-1, 86_399, 0], "-PT1S"],
      [[-999_999_999, 0, 0], "-P999999999D"],
    ] as const) {
      const duration = dict({ __dt_timedelta__: true, data: parts });
      assert.equal(decode(await ask("kind", duration)), `String "${text}"`);
    }
    const answered = dict({ __dt_datetime_iso__: true, data: "2024-05-06T07:08:09.500Z" });
    assert.deepEqual(await ask("date", encode(null)), Buffer.from(answered));
  });

  it("an array whose parts do not fit is a 400 that says what it has", async (t) => {
    const { refused, ask } = await start(t);
    const four = Buffer.alloc(4);
    assert.match(
      await refused(ndarray("<f4", [2], four)),
      /shape \[2\] and type <f4 has 4 bytes of data, not 8/,
    );
    assert.match(await refused(ndarray("<f4", [-1], four)), /has the shape \[-1\]/);
    assert.match(await refused(ndarray("|O", [1], four)), /has the type "\|O", which no tensor here has/);
    assert.match(await refused(ndarray("<c8", [1], four)), /has the type "<c8"/);
    assert.match(await refused(ndarray("constructor", [1], four)), /has the type/);
    assert.match(await refused(dict({ nd: false, type: "<f8", data: four })), /of type <f8 has 4 bytes/);
    assert.match(await refused(dict({ __dt_datetime_iso__: true, data: "soon" })), /a datetime is "soon"/);
    for (const parts of [
      [1, 2],
      [1, 2, "3"],
      [0.5, 0, 0],
      [1e12, 0, 0],
      [1, 2, 3, 4],
    ])
      assert.match(await refused(dict({ __dt_timedelta__: true, data: parts })), /a timedelta is .* is none/);
    // A map of the caller's own, with keys of these names.
    const own = encode({ nd: 1, type: "x", data: "y" });
    assert.deepEqual(decode(await ask("echo", own)), { nd: 1, type: "x", data: "y" });
  });
});
