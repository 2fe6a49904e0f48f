// Callers of every format at once: each is answered in its own.
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { decode, encode, ExtData } from "@msgpack/msgpack";
import { runModel, type RunningModel } from "../../helpers/run-model.ts";
import { until } from "../../helpers/until.ts";

interface Caller {
  path?: string;
  headers: Record<string, string>;
  body(n: number): string | Uint8Array | FormData;
  /** The number in the answer. */
  read(answer: Uint8Array): unknown;
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const floats = ({ data }: ExtData): number =>
  new Float32Array(Uint8Array.from(data as Uint8Array).buffer)[0] as number;

const CALLERS: Record<string, Caller> = {
  json: {
    headers: { "content-type": "application/json" },
    body: (n) => JSON.stringify({ n: [n] }),
    read: (answer) => JSON.parse(text(answer)).out[0],
  },
  msgpack: {
    headers: { "content-type": "application/msgpack" },
    body: (n) => encode({ n: new ExtData(8, new Uint8Array(Float32Array.of(n).buffer)) }),
    read: (answer) => floats((decode(answer) as { out: ExtData }).out),
  },
  form: {
    headers: {},
    body: (n) => {
      const form = new FormData();
      form.append("n", new Blob([JSON.stringify([n])], { type: "application/json" }));
      return form;
    },
    read: (answer) => JSON.parse(text(answer)).out[0],
  },
  inference: {
    path: "/v2/models/m/infer",
    headers: {},
    body: (n) => JSON.stringify({ inputs: [{ name: "n", shape: [1], datatype: "FP32", data: [n] }] }),
    read: (answer) => JSON.parse(text(answer)).outputs[0].data[0],
  },
};

const RUN = "const run = ({ n }) => ({ out: Float32Array.of((n.data ?? n)[0] * 2) });";

async function callAll(t: TestContext, source: string, config = ""): Promise<RunningModel> {
  const model = await runModel(t, `${RUN} ${source}`, { config });
  const kinds = Object.entries(CALLERS);
  const calls = Array.from({ length: 200 }, async (_, n) => {
    const [name, caller] = kinds[n % kinds.length] as [string, Caller];
    const body = caller.body(n) as BodyInit;
    const response = await fetch(model.url + (caller.path ?? "/predict"), {
      method: "POST",
      headers: caller.headers,
      body,
    });
    const answer = new Uint8Array(await response.arrayBuffer());
    assert.equal(response.status, 200, `${name}: ${text(answer)}`);
    assert.equal(caller.read(answer), n * 2, name);
  });
  await Promise.all(calls);
  return model;
}

describe("callers of every format at once", () => {
  it("predict", async (t) => {
    await callAll(t, "export class Model { predict(x) { return run(x); } }");
  });

  it("predict between preprocess and postprocess", async (t) => {
    await callAll(
      t,
      `export class Model {
         async preprocess(x) { await new Promise(setImmediate); return x; }
         predict(x) { return run(x); }
         async postprocess(x) { await new Promise(setImmediate); return x; }
       }`,
      "runtime: { predict_concurrency: 4 }",
    );
  });

  it("rows of one predictBatch", async (t) => {
    const source = `export class Model {
      predictBatch(inputs) { if (inputs.length > 1) console.log("several rows"); return inputs.map(run); }
    }`;
    const model = await callAll(t, source, "runtime: { batching: { max_size: 8, max_wait_ms: 20 } }");
    await until(() => model.logText().includes("several rows"));
  });
});
