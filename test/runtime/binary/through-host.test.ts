// msgpack, forms and the Open Inference Protocol through a host's router.
import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode, ExtData } from "@msgpack/msgpack";
import { makeProject } from "../../helpers/build-project.ts";
import { startTestHost } from "../../helpers/test-host.ts";

const MODEL = `
import type { Tensor } from "purlin";
export class Model {
  predict(input: any) {
    if (input.file instanceof File) return { name: input.file.name, size: input.file.size };
    return input as Record<string, Tensor>;
  }
}`;

test("bodies pass as they are, and the protocol's paths find the model by the name in them", async (t) => {
  const host = await startTestHost(t);
  await host.ok(["remote", "add", "here", host.url]);
  const project = await makeProject(t, { "config.yaml": "model_name: tensors\n", "model/model.ts": MODEL });
  await host.ok(["push", project]);
  const post = (path: string, body: BodyInit, headers: Record<string, string> = {}) =>
    host.fetch(path, { method: "POST", body, headers });

  const floats = Float32Array.from({ length: 500_000 }, (_, i) => i / 7);
  const bytes = new Uint8Array(floats.buffer);
  const packed = encode({ x: new ExtData(8, bytes) }) as Uint8Array<ArrayBuffer>;
  const unpacked = await post("/models/tensors/production/predict", packed, {
    "content-type": "application/msgpack",
  });
  assert.equal(unpacked.headers.get("content-type"), "application/msgpack");
  const { x } = decode(await unpacked.arrayBuffer()) as { x: ExtData };
  assert.deepEqual([x.type, Buffer.compare(x.data as Uint8Array, bytes)], [8, 0]);

  const form = new FormData();
  form.append("file", new File([bytes], "floats.bin"));
  const uploaded = await post("/models/tensors/production/predict", form);
  assert.deepEqual(await uploaded.json(), { name: "floats.bin", size: 2_000_000 });

  const head = JSON.stringify({
    parameters: { binary_data_output: true },
    inputs: [{ name: "x", shape: [500_000], datatype: "FP32", parameters: { binary_data_size: 2_000_000 } }],
  });
  const paths = [
    "/v2/models/tensors/infer",
    "/v2/models/tensors@production/versions/1/infer",
    "/models/tensors/production/sync/v2/models/any/infer",
  ];
  for (const path of paths) {
    const answer = await post(path, Buffer.concat([Buffer.from(head), bytes]), {
      "inference-header-content-length": String(head.length),
    });
    assert.equal(answer.status, 200, path);
    const whole = Buffer.from(await answer.arrayBuffer());
    const json = whole.subarray(0, Number(answer.headers.get("inference-header-content-length")));
    assert.equal(JSON.parse(json.toString()).outputs[0].datatype, "FP32");
    assert.equal(Buffer.compare(whole.subarray(json.byteLength), bytes), 0, path);
  }

  const ready = await host.fetch("/v2/models/tensors/ready");
  assert.deepEqual([ready.status, ((await ready.json()) as { name: string }).name], [200, "tensors"]);
  assert.equal((await host.fetch("/v2/models/tensors")).status, 200);
  assert.equal(
    (await host.fetch("/v2/models/tensors@staging/ready")).status,
    503,
    "nothing is deployed there",
  );
  assert.equal((await host.fetch("/v2/models/nobody/ready")).status, 404);
  assert.equal((await fetch(`${host.url}/v2/models/tensors/ready`)).status, 401, "without a key");
});
