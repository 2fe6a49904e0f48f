// Values that callers choose and error texts show: each is a short 400, never a failure of the model.
import assert from "node:assert/strict";
import { test } from "node:test";
import { msgpackFormat } from "../../../src/runtime/model/formats/msgpack/msgpack-format.ts";
import { tensorsFormat } from "../../../src/runtime/model/formats/tensors/tensors-format.ts";
import { isInputError, type WireFormat } from "../../../src/runtime/model/formats/wire-format.ts";

const LONGEST_TEXT = 500;

function refuses(format: WireFormat, body: Buffer, name: string): void {
  const header = (): string => "";
  assert.throws(
    () => format.decode({ body, url: "/v2/models/m/infer", header }),
    (error: Error) => {
      assert.ok(isInputError(error), `${name}: ${error.stack?.slice(0, 300)}`);
      assert.ok(error.message.length < LONGEST_TEXT, `${name}: ${error.message.length} characters`);
      return true;
    },
  );
}

test("an inference request with deep, long or borrowed names and values is refused in a few words", () => {
  const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
  const long = JSON.stringify("x".repeat(1_000_000));
  const inputs: Record<string, string> = {
    "deep datatype": `"datatype": ${deep}, "shape": [1], "data": [1]`,
    "deep shape": `"datatype": "FP32", "shape": ${deep}, "data": [1]`,
    "deep element": `"datatype": "FP32", "shape": [2], "data": [1, ${deep}]`,
    "deep size": `"datatype": "FP32", "shape": [1], "parameters": {"binary_data_size": ${deep}}`,
    "long datatype": `"datatype": ${long}, "shape": [1], "data": [1]`,
    "long shape": `"datatype": "FP32", "shape": [${"1,".repeat(500_000)}1], "data": [1, 2]`,
    "long element": `"datatype": "FP32", "shape": [1], "data": [${long}]`,
    ...Object.fromEntries(
      ["constructor", "__proto__", "toString", "hasOwnProperty"].map((name) => [
        name,
        `"datatype": "${name}", "shape": [1], "data": [1]`,
      ]),
    ),
  };
  for (const [name, rest] of Object.entries(inputs))
    refuses(tensorsFormat, Buffer.from(`{"inputs": [{"name": "a", ${rest}}]}`), name);
  const named = `{"inputs": [{"name": ${long}, "datatype": "X", "shape": [1], "data": [1]}]}`;
  refuses(tensorsFormat, Buffer.from(named), "long name");
});

test("numpy arrays in msgpack with types and shapes that no text can show are refused, too", () => {
  const big = Buffer.concat([Buffer.from([0xcf]), Buffer.alloc(8, 0xff)]);
  const array = (type: Buffer, shape: Buffer): Buffer =>
    Buffer.concat([
      Buffer.from([0x84, 0xa2, ...Buffer.from("nd"), 0xc3, 0xa4, ...Buffer.from("type")]),
      type,
      Buffer.from([0xa5, ...Buffer.from("shape")]),
      shape,
      Buffer.from([0xa4, ...Buffer.from("data"), 0xc4, 0]),
    ]);
  const float = Buffer.from([0xa3, ...Buffer.from("<f4")]);
  refuses(msgpackFormat, array(big, Buffer.from([0x91, 0])), "type");
  refuses(msgpackFormat, array(float, Buffer.concat([Buffer.from([0x91]), big])), "shape");
  const long = Buffer.concat([Buffer.from([0xdb, 0, 0x10, 0, 0]), Buffer.alloc(0x10_0000, "1")]);
  refuses(msgpackFormat, array(long, Buffer.from([0x91, 0])), "long type");
});
