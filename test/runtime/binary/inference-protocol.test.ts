// The Open Inference Protocol v2 over HTTP, with its binary tensor data extension. The examples are those that the
// protocol publishes: github.com/kserve/open-inference-protocol, specification/protocol/inference_rest.md, and
// github.com/triton-inference-server/server, docs/protocol/extension_binary_data.md.
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { runModel } from "../../helpers/run-model.ts";
import { until } from "../../helpers/until.ts";

interface Tensor {
  name: string;
  shape: number[];
  datatype: string;
  data?: unknown[];
  parameters?: { binary_data_size: number };
}

interface Answer {
  status: number;
  type: string | null;
  json: {
    model_name: string;
    model_version?: string;
    id?: string;
    outputs: Tensor[];
    error: string;
    code: string;
  };
  binary: Buffer;
}

/** Returns what its one string parameter names, or an echo of the tensors. */
const MODEL = `
const cases = {
  example: (input) => ({ output0: { datatype: "FP32", shape: [3, 2], data: Float32Array.of(1, 1.1, 2, 2.1, 3, 3.1) } }),
  seen: (input, request) => ({ seen: JSON.stringify({ inference: request.inference,
    tensors: Object.fromEntries(Object.entries(input).map(([name, { datatype, shape, data }]) =>
      [name, [datatype, shape, data.constructor.name, Array.from(data, (item) => typeof item === "bigint" ? item + "n" : item)]])) }) }),
  kinds: () => ({
    floats: Float32Array.of(1.5, -0.25), bytes: Uint8Array.of(1, 255), longs: BigInt64Array.of(-9007199254740993n),
    number: 7, text: "hé", yes: true, texts: ["a", "b"], big: 5n, nested: [[1, 2], [3, 4.5]], flags: [[true], [false]],
    rows: [Float32Array.of(1, 2), Float32Array.of(3, 4)], none: [], absent: undefined,
    half: { datatype: "FP16", shape: [2], data: Uint16Array.of(0x3c00, 0xc100) },
    onnx: new (class Tensor { type = "int32"; get dims() { return [1, 2]; } get data() { return Int32Array.of(5, 6); } })(),
    bits: { datatype: "BOOL", shape: [2], data: Uint8Array.of(1, 0) },
  }),
  vector: () => Float32Array.of(1, 2),
  scalar: () => 3,
  stream: function* () { yield "a"; yield "b"; },
  blob: () => ({ raw: { datatype: "BYTES", shape: [2], data: [Buffer.from([255, 0]), Buffer.from("x")] } }),
  response: () => new Response("as it is", { status: 201 }),
  object: () => ({ good: 1, bad: { deep: { x: 1 } } }),
  ragged: () => ({ bad: [[1, 2], [3]] }),
  mixed: () => ({ bad: [1, "a"] }),
  "wrong size": () => ({ bad: { datatype: "FP32", shape: [3], data: Float32Array.of(1) } }),
  "wrong kind": () => ({ bad: { datatype: "FP32", shape: [1], data: Int32Array.of(1) } }),
};
export class Model {
  predict(input, request) {
    const name = request.inference?.parameters?.case;
    return name === undefined ? input : cases[name](input, request);
  }
}`;

async function start(t: TestContext) {
  const model = await runModel(t, MODEL);
  const base = `${model.url}/v2/models/m`;

  /** Posts a request whose binary parts follow its JSON. */
  async function infer(request: unknown, binary: Uint8Array[] = [], path = "/infer"): Promise<Answer> {
    const json = Buffer.from(typeof request === "string" ? request : JSON.stringify(request));
    const headers: Record<string, string> = { "content-type": "application/json" };
    if (binary.length > 0) {
      headers["content-type"] = "application/octet-stream";
      headers["inference-header-content-length"] = String(json.byteLength);
    }
    return send(Buffer.concat([json, ...binary]), headers, path);
  }

  async function send(body: Buffer, headers: Record<string, string>, path = "/infer"): Promise<Answer> {
    const response = await fetch(base + path, { method: "POST", body: body as Buffer<ArrayBuffer>, headers });
    const bytes = Buffer.from(await response.arrayBuffer());
    const length = Number(response.headers.get("inference-header-content-length") ?? bytes.byteLength);
    const text = bytes.subarray(0, length).toString();
    return {
      status: response.status,
      type: response.headers.get("content-type"),
      json: text.startsWith("{") ? JSON.parse(text) : { error: text },
      binary: bytes.subarray(length),
    };
  }

  /** The outputs of a case by name. */
  async function run(name: string, more: object = {}): Promise<Answer> {
    return infer({ inputs: [], parameters: { case: name }, ...more });
  }

  return { ...model, base, infer, send, run };
}

/** The request of the protocol's example, as printed but for input1's data, which has one element too few there. */
const EXAMPLE = {
  id: "42",
  inputs: [
    { name: "input0", shape: [2, 2], datatype: "UINT32", data: [1, 2, 3, 4] },
    { name: "input1", shape: [3], datatype: "BOOL", data: [true, false, true] },
  ],
  outputs: [{ name: "output0" }],
};

describe("Open Inference Protocol v2", () => {
  it("the protocol's example in JSON", async (t) => {
    const { infer } = await start(t);
    const { status, type, json } = await infer({ ...EXAMPLE, parameters: { case: "example" } });
    assert.deepEqual([status, type], [200, "application/json"]);
    assert.deepEqual([json.model_name, json.id, "model_version" in json], ["m", "42", false]);
    const [output] = json.outputs as [Tensor];
    assert.deepEqual([output.name, output.shape, output.datatype], ["output0", [3, 2], "FP32"]);
    assert.deepEqual(
      output.data?.map((x) => Math.fround(x as number)),
      [1, 1.1, 2, 2.1, 3, 3.1].map(Math.fround),
    );

    const printed = structuredClone(EXAMPLE);
    printed.inputs[1] = { ...printed.inputs[1], data: [true] } as (typeof printed.inputs)[1];
    const refused = await infer(printed);
    assert.deepEqual([refused.status, refused.json.code], [400, "INVALID_INPUT"]);
    assert.match(refused.json.error, /input "input1" has the shape \[3\] of 3 elements, and data of 1/);
  });

  it("the example of the binary extension", async (t) => {
    const { infer } = await start(t);
    const request = {
      model_name: "mymodel",
      parameters: { case: "example" },
      inputs: [
        { name: "input0", shape: [2, 2], datatype: "UINT32", parameters: { binary_data_size: 16 } },
        { name: "input1", shape: [3], datatype: "BOOL", parameters: { binary_data_size: 3 } },
      ],
      outputs: [{ name: "output0", parameters: { binary_data: true } }],
    };
    const data = [new Uint8Array(Uint32Array.of(1, 2, 3, 4).buffer), Uint8Array.of(1, 0, 1)];
    const { status, type, json, binary } = await infer(request, data);
    assert.deepEqual([status, type], [200, "application/octet-stream"]);
    const output = { name: "output0", shape: [3, 2], datatype: "FP32", parameters: { binary_data_size: 24 } };
    assert.deepEqual(json.outputs, [output]);
    assert.deepEqual(binary, Buffer.from(Float32Array.of(1, 1.1, 2, 2.1, 3, 3.1).buffer));

    const seen = await infer({ ...request, parameters: { case: "seen" }, outputs: undefined }, data);
    assert.deepEqual(JSON.parse(seen.json.outputs[0]?.data?.[0] as string).tensors, {
      input0: ["UINT32", [2, 2], "Uint32Array", [1, 2, 3, 4]],
      input1: ["BOOL", [3], "Uint8Array", [1, 0, 1]],
    });
  });

  it("metadata and health", async (t) => {
    const { url, base } = await start(t);
    const get = async (address: string): Promise<[number, unknown]> => {
      const response = await fetch(address);
      return [response.status, await response.json()];
    };
    const [, server] = (await get(`${url}/v2`)) as [number, { name: string; version: string }];
    assert.deepEqual(server, { name: "purlin", version: server.version, extensions: ["binary_tensor_data"] });
    assert.deepEqual(await get(base), [200, { name: "m", platform: "purlin", inputs: [], outputs: [] }]);
    const [, versioned] = (await get(`${base}/versions/3`)) as [number, { versions: string[] }];
    assert.deepEqual(versioned.versions, ["3"]);
    const [live, { live: isLive }] = (await get(`${url}/v2/health/live`)) as [number, { live: boolean }];
    assert.deepEqual([live, isLive], [200, true]);
    for (const address of [`${url}/v2/health/ready`, `${base}/ready`, `${base}/versions/3/ready`]) {
      const [status, { ready }] = (await get(address)) as [number, { ready: boolean }];
      assert.deepEqual([status, ready], [200, true], address);
    }
    assert.equal(((await get(`${base}/ready`)) as [number, { name: string }])[1].name, "m");
    assert.equal((await get(`${base}/nope`))[0], 404);
    const wrong = await fetch(`${base}/infer`);
    assert.deepEqual([wrong.status, wrong.headers.get("allow")], [405, "POST"]);
  });

  it("not ready before the model has loaded, and live all the while", async (t) => {
    const { url } = await runModel(
      t,
      "export class Model { async load() { await new Promise(() => setInterval(() => 0, 1e6)); } predict() {} }",
      { ready: false },
    );
    for (const path of ["/v2/health/ready", "/v2/models/m/ready"]) {
      const response = await fetch(url + path);
      assert.deepEqual(
        [response.status, ((await response.json()) as { ready: boolean }).ready],
        [503, false],
      );
    }
    assert.equal((await fetch(`${url}/v2/health/live`)).status, 200);
    assert.equal((await fetch(`${url}/v2/models/m/infer`, { method: "POST", body: "{}" })).status, 503);
  });

  it("metadata names the tensors that a schema tells of", async (t) => {
    const schema = {
      type: "object",
      properties: {
        text: { type: "string" },
        rows: { type: "array", items: { type: "array", items: { type: "number" } } },
        image: { type: "object", properties: { datatype: { const: "FP32" }, shape: {}, data: {} } },
        other: { type: "object", properties: { x: {} } },
      },
    };
    const { url } = await runModel(
      t,
      `const schema = { "~standard": { version: 1, vendor: "t", validate: (value) => ({ value }),
         jsonSchema: { input: () => (${JSON.stringify(schema)}), output: () => ({}) } } };
       export class Model { static input = schema; predict(x) { return x; } }`,
    );
    const { inputs } = (await (await fetch(`${url}/v2/models/m`)).json()) as { inputs: unknown };
    assert.deepEqual(inputs, [
      { name: "text", datatype: "BYTES", shape: [1] },
      { name: "rows", datatype: "FP64", shape: [-1, -1] },
      { name: "image", datatype: "FP32", shape: [-1] },
    ]);
  });

  it("every datatype comes back as it went, as JSON and as binary data", async (t) => {
    const { infer } = await start(t);
    const values: Record<string, [json: unknown[], bytes: Uint8Array]> = {
      BOOL: [[true, false], Uint8Array.of(1, 0)],
      UINT8: [[0, 255], Uint8Array.of(0, 255)],
      UINT16: [[0, 65535], bytesOf(Uint16Array.of(0, 65535))],
      UINT32: [[0, 4294967295], bytesOf(Uint32Array.of(0, 4294967295))],
      UINT64: [[0, 2 ** 53 - 1], bytesOf(BigUint64Array.of(0n, 2n ** 53n - 1n))],
      INT8: [[-128, 127], bytesOf(Int8Array.of(-128, 127))],
      INT16: [[-32768, 32767], bytesOf(Int16Array.of(-32768, 32767))],
      INT32: [[-2147483648, 1], bytesOf(Int32Array.of(-2147483648, 1))],
      INT64: [[-5, 5], bytesOf(BigInt64Array.of(-5n, 5n))],
      FP16: [[1, -2.5], bytesOf(Uint16Array.of(0x3c00, 0xc100))],
      FP32: [[0.5, -1.25], bytesOf(Float32Array.of(0.5, -1.25))],
      FP64: [[0.1, 1e300], bytesOf(Float64Array.of(0.1, 1e300))],
      BYTES: [["é", "x"], Buffer.from("\x02\0\0\0\xc3\xa9\x01\0\0\0x", "latin1")],
    };
    for (const [datatype, [json, bytes]] of Object.entries(values)) {
      const tensor = { name: "x", shape: [2, 1], datatype };
      const asJson = await infer({ inputs: [{ ...tensor, data: json }] });
      assert.deepEqual(asJson.json.outputs, [{ ...tensor, data: json }], datatype);
      const nested = await infer({ inputs: [{ ...tensor, data: json.map((item) => [item]) }] });
      assert.deepEqual(nested.json.outputs, [{ ...tensor, data: json }], datatype);
      const parameters = { binary_data_size: bytes.byteLength };
      const asBinary = await infer(
        { parameters: { binary_data_output: true }, inputs: [{ ...tensor, parameters }] },
        [bytes],
      );
      assert.deepEqual(asBinary.json.outputs, [{ ...tensor, parameters }], datatype);
      assert.deepEqual(asBinary.binary, Buffer.from(bytes), datatype);
    }
    // In full, though no number of JavaScript holds it.
    const text = await (
      await fetch((await start(t)).base + "/infer", {
        method: "POST",
        body: '{"inputs":[{"name":"x","shape":[1],"datatype":"INT64","data":["-9007199254740993"]}]}',
      })
    ).text();
    assert.match(text, /"data":\[-9007199254740993\]/);
  });

  it("bytes that are no text reach predict as bytes, and come back only as binary data", async (t) => {
    const { infer, run } = await start(t);
    const data = Buffer.from("\x02\0\0\0\xff\0\x01\0\0\0x", "latin1");
    const input = { name: "x", shape: [2], datatype: "BYTES", parameters: { binary_data_size: 11 } };
    const echoed = await infer(
      { inputs: [input], outputs: [{ name: "x", parameters: { binary_data: true } }] },
      [data],
    );
    assert.deepEqual(echoed.binary, data);
    const refused = await run("blob");
    assert.deepEqual([refused.status, refused.json.code], [400, "INVALID_INPUT"]);
    assert.match(
      refused.json.error,
      /output "raw" holds bytes that are no text: ask for it with binary_data/,
    );
  });

  it("what predict may return", async (t) => {
    const { run } = await start(t);
    const { json } = await run("kinds");
    const brief = json.outputs.map(({ name, datatype, shape, data }) => [name, datatype, shape, data]);
    assert.deepEqual(
      brief.filter(([name]) => name !== "longs"),
      [
        ["floats", "FP32", [2], [1.5, -0.25]],
        ["bytes", "UINT8", [2], [1, 255]],
        ["number", "FP64", [1], [7]],
        ["text", "BYTES", [1], ["hé"]],
        ["yes", "BOOL", [1], [true]],
        ["texts", "BYTES", [2], ["a", "b"]],
        ["big", "INT64", [1], [5]],
        ["nested", "FP64", [2, 2], [1, 2, 3, 4.5]],
        ["flags", "BOOL", [2, 1], [true, false]],
        ["rows", "FP32", [2, 2], [1, 2, 3, 4]],
        ["none", "FP64", [0], []],
        ["half", "FP16", [2], [1, -2.5]],
        ["onnx", "INT32", [1, 2], [5, 6]],
        ["bits", "BOOL", [2], [true, false]],
      ],
    );
    const one = async (name: string, more?: object) => {
      const [output] = (await run(name, more)).json.outputs as [Tensor];
      return [output.name, output.datatype, output.shape, output.data];
    };
    assert.deepEqual(await one("vector"), ["output", "FP32", [2], [1, 2]]);
    assert.deepEqual(await one("vector", { outputs: [{ name: "asked" }] }), ["asked", "FP32", [2], [1, 2]]);
    assert.deepEqual(await one("scalar"), ["output", "FP64", [1], [3]]);
    assert.deepEqual(await one("stream"), ["output", "BYTES", [1], ["ab"]]);
    assert.deepEqual((await run("response")).json.error, "as it is");
  });

  it("outputs are those asked for, each as it is asked for", async (t) => {
    const { run } = await start(t);
    const outputs = [{ name: "text" }, { name: "floats", parameters: { binary_data: true } }];
    const { json, binary } = await run("kinds", { outputs });
    assert.deepEqual(json.outputs, [
      { name: "text", shape: [1], datatype: "BYTES", data: ["hé"] },
      { name: "floats", shape: [2], datatype: "FP32", parameters: { binary_data_size: 8 } },
    ]);
    assert.deepEqual(binary, Buffer.from(Float32Array.of(1.5, -0.25).buffer));
    const all = await run("kinds", {
      parameters: { case: "kinds", binary_data_output: true },
      outputs: [{ name: "text", parameters: { binary_data: false } }, { name: "big" }],
    });
    assert.deepEqual(
      all.json.outputs.map(({ data, parameters }) => [data, parameters?.binary_data_size]),
      [
        [["hé"], undefined],
        [undefined, 8],
      ],
    );
    const none = await run("example", { outputs: [{ name: "other" }] });
    assert.deepEqual([none.status, none.json.code], [400, "INVALID_INPUT"]);
    assert.match(none.json.error, /no output "other"; it gave "output0"/);
  });

  it("id, parameters, wanted outputs and version are the model's to see", async (t) => {
    const { infer } = await start(t);
    const request = { id: "a", parameters: { case: "seen", n: 1 }, inputs: [], outputs: [{ name: "seen" }] };
    const { json } = await infer(request, [], "/versions/v%201/infer");
    assert.deepEqual([json.model_version, json.id], ["v 1", "a"]);
    const { inference } = JSON.parse(json.outputs[0]?.data?.[0] as string);
    assert.deepEqual(inference, { id: "a", parameters: request.parameters, outputs: ["seen"] });
  });

  it("a request that does not fit is a 400 that names the tensor", async (t) => {
    const { infer, send } = await start(t);
    const x = { name: "x", shape: [2], datatype: "INT8", data: [1, 2] };
    const bad: [unknown, RegExp][] = [
      [[], /must be an object with `inputs`/],
      [{}, /`inputs` must be a list/],
      [{ inputs: [null] }, /inputs\[0\] has no name/],
      [{ inputs: [x, x] }, /two inputs "x"/],
      [{ id: 4, inputs: [] }, /`id` must be a string/],
      [{ inputs: [{ ...x, datatype: "FLOAT" }] }, /input "x" has the datatype "FLOAT"; there are BOOL,/],
      [{ inputs: [{ ...x, datatype: undefined }] }, /input "x" has the datatype/],
      [{ inputs: [{ ...x, shape: [-1] }] }, /input "x" has the shape \[-1\]/],
      [{ inputs: [{ ...x, shape: "2" }] }, /input "x" has the shape "2"/],
      [{ inputs: [{ ...x, shape: [3] }] }, /input "x" has the shape \[3\] of 3 elements, and data of 2/],
      [{ inputs: [{ ...x, data: [1, 300] }] }, /input "x" has 300 as element 1, which is no INT8/],
      [{ inputs: [{ ...x, data: [1, 1.5] }] }, /input "x" has 1.5 as element 1/],
      [{ inputs: [{ ...x, data: [1, "2"] }] }, /input "x" has "2" as element 1/],
      [{ inputs: [{ ...x, data: [1, null] }] }, /input "x" has null as element 1/],
      [{ inputs: [{ ...x, data: undefined }] }, /input "x" has neither `data`/],
      [
        { inputs: [{ ...x, datatype: "INT64", data: [1, 2 ** 53] }] },
        /send it as a string or as binary data/,
      ],
      [{ inputs: [{ ...x, datatype: "UINT64", data: [1, -1] }] }, /-1 as element 1, which is no UINT64/],
      [{ inputs: [{ ...x, datatype: "BOOL", data: [true, 2] }] }, /2 as element 1, which is no BOOL/],
      [{ inputs: [{ ...x, datatype: "BYTES", data: ["a", 2] }] }, /2 as element 1, which is no BYTES/],
      [{ inputs: [], outputs: [{}] }, /outputs\[0\] has no name/],
      [{ inputs: [], parameters: 3 }, /`parameters` must be an object/],
    ];
    const b = (size: unknown, more: object = {}) => ({
      name: "x",
      shape: [2],
      datatype: "FP32",
      parameters: { binary_data_size: size },
      ...more,
    });
    const bytes = Buffer.alloc(8);
    const badBinary: [unknown, Uint8Array, RegExp][] = [
      [
        { inputs: [b(7)] },
        bytes,
        /input "x" has the shape \[2\] of FP32, which is 8 bytes, and a binary_data_size of 7/,
      ],
      [{ inputs: [b(9)] }, bytes, /input "x" has the binary_data_size 9, of 8 bytes that are left/],
      [{ inputs: [b(-1)] }, bytes, /input "x" has the binary_data_size -1/],
      [{ inputs: [b("8")] }, bytes, /input "x" has the binary_data_size "8"/],
      [{ inputs: [b(8, { data: [1, 2] })] }, bytes, /both `data` and `binary_data_size`/],
      [{ inputs: [b(8)] }, Buffer.alloc(9), /1 bytes of binary data after the last tensor/],
      [{ inputs: [b(8, { datatype: "BYTES" })] }, Buffer.alloc(8, 255), /ends inside its element 0/],
      [
        { inputs: [b(8, { datatype: "BYTES", shape: [3] })] },
        bytes,
        /shape \[3\] of 3 elements, and data of 2/,
      ],
    ];
    const check = ({ status, json }: Answer, why: RegExp, code = "INVALID_INPUT") => {
      assert.deepEqual([status, json.code], [400, code], `${why}`);
      assert.match(json.error, why);
    };
    for (const [request, why] of bad) check(await infer(request), why);
    for (const [request, data, why] of badBinary) check(await infer(request, [data]), why);
    check(await infer("{"), /Invalid JSON in the inference request/, "INVALID_JSON");
    check(await infer(""), /it is empty/, "INVALID_JSON");
    for (const length of ["3x", "100", "-1"])
      check(
        await send(Buffer.from("{}"), { "inference-header-content-length": length }),
        /Inference-Header-Content-Length is/,
      );
  });

  it("a return value that is no tensor is a 500, and the log says which and why", async (t) => {
    const { run, logText } = await start(t);
    const reasons: Record<string, RegExp> = {
      object: /the value at bad is an object; an output is a tensor/,
      ragged: /the value at bad has lists of different lengths/,
      mixed: /the value at bad has a string as element 1/,
      "wrong size": /the value at bad has the shape \[3\] of 3 elements, and data of 1/,
      "wrong kind": /the value at bad has data that is no Float32Array, which FP32 takes/,
    };
    for (const [name, reason] of Object.entries(reasons)) {
      const { status, json } = await run(name);
      assert.deepEqual([status, json.code], [500, "UNSERIALIZABLE_OUTPUT"], name);
      await until(() => reason.test(logText()));
    }
  });

  it("a model that takes raw bodies takes no tensors, and says so", async (t) => {
    const { url } = await runModel(
      t,
      'export class Model { static input = "raw"; predict(x) { return x; } }',
    );
    const response = await fetch(`${url}/v2/models/m/infer`, { method: "POST", body: '{"inputs":[]}' });
    const { code } = (await response.json()) as { code: string };
    assert.deepEqual([response.status, code], [415, "UNSUPPORTED_MEDIA_TYPE"]);
  });
});

function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
