// multipart/form-data: fields and files in `input`.
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { runModel } from "../../helpers/run-model.ts";

/** Tells what it was given, files as what each of their methods says. */
const MODEL = `
const tell = async (value) => {
  if (Array.isArray(value)) return Promise.all(value.map(tell));
  if (!(value instanceof File)) return value;
  const streamed = await new Response(value.stream()).arrayBuffer();
  const bytes = new Uint8Array(await value.arrayBuffer());
  const sum = bytes.reduce((a, b) => (a + b) % 65521, 0);
  const text = value.size < 100 ? await value.text() : "";
  return { name: value.name, type: value.type, size: value.size, streamed: streamed.byteLength, sum, text };
};
export class Model {
  async predict(input) {
    return Object.fromEntries(await Promise.all(Object.entries(input).map(async ([name, value]) => [name, await tell(value)])));
  }
}`;

async function start(t: TestContext) {
  const model = await runModel(t, MODEL);
  const answer = async (init: RequestInit) => {
    const response = await fetch(`${model.url}/predict`, { method: "POST", ...init });
    return { status: response.status, json: (await response.json()) as Record<string, unknown> };
  };
  const raw = (text: string, type = "multipart/form-data; boundary=xx") =>
    answer({ body: Buffer.from(text, "latin1"), headers: { "content-type": type } });
  return { answer, raw };
}

const part = (head: string, body: string): string =>
  `--xx\r\nContent-Disposition: form-data; ${head}\r\n\r\n${body}\r\n`;

describe("multipart forms", () => {
  it("fields are texts, files are Files, repeated names are lists, JSON parts are parsed", async (t) => {
    const { answer } = await start(t);
    const form = new FormData();
    form.append("prompt", "zwölf\r\n--boxkämpfer");
    form.append("image", new File([Uint8Array.of(1, 2, 255)], "gr\u00fcn.png", { type: "image/png" }));
    form.append("tag", "a");
    form.append("tag", "b");
    form.append("page", new File(["1"], "1.txt"));
    form.append("page", new File([], "2.txt", { type: "text/plain" }));
    form.append("options", new Blob(['{"top": [1, {"k": 2}]}'], { type: "application/json" }));
    form.append("data", new File(['{"kept": "as a file"}'], "data.json", { type: "application/json" }));
    const { status, json } = await answer({ body: form });
    assert.equal(status, 200, JSON.stringify(json));
    assert.deepEqual(json, {
      prompt: "zwölf\r\n--boxkämpfer",
      image: {
        name: "grün.png",
        type: "image/png",
        size: 3,
        streamed: 3,
        sum: 258,
        text: "\u0001\u0002\ufffd",
      },
      tag: ["a", "b"],
      page: [
        { name: "1.txt", type: "application/octet-stream", size: 1, streamed: 1, sum: 49, text: "1" },
        { name: "2.txt", type: "text/plain", size: 0, streamed: 0, sum: 0, text: "" },
      ],
      options: { top: [1, { k: 2 }] },
      data: {
        name: "data.json",
        type: "application/json",
        size: 21,
        streamed: 21,
        sum: 1699,
        text: '{"kept": "as a file"}',
      },
    });
  });

  it("as curl writes it: a JSON part without a file name", async (t) => {
    const { raw } = await start(t);
    const json =
      '--xx\r\nContent-Disposition: form-data; name="meta"\r\nContent-Type: application/json\r\n\r\n{"a":1}\r\n';
    const proto = part('name="__proto__"', "a field like any other");
    const { status, json: seen } = await raw(
      `${json}${proto}--xx--\r\n`,
      'Multipart/Form-Data; boundary="xx"',
    );
    assert.equal(status, 200, JSON.stringify(seen));
    assert.deepEqual(Object.entries(seen), [
      ["meta", { a: 1 }],
      ["__proto__", "a field like any other"],
    ]);
  });

  it("a large file arrives whole", async (t) => {
    const { answer } = await start(t);
    // All of it looks like the beginning of a boundary.
    const content = Buffer.alloc(30_000_001, "\r\n--");
    const form = new FormData();
    form.append("file", new File([content], "a.bin"));
    form.append("after", "it");
    const { json } = await answer({ body: form });
    const { size, sum } = json["file"] as { size: number; sum: number };
    const expected = content.reduce((a, b) => (a + b) % 65521, 0);
    assert.deepEqual([size, sum, json["after"]], [30_000_001, expected, "it"]);
  });

  it("what is no form is a 400 that says why", async (t) => {
    const { raw } = await start(t);
    const whole = `${part('name="a"', "1")}--xx--\r\n`;
    const bad: [body: string, type: string | undefined, why: RegExp][] = [
      ["", undefined, /Invalid form payload: the body is empty/],
      [whole, "multipart/form-data", /[Bb]oundary/],
      [part('name="a"', "1"), undefined, /Unexpected end of form/],
      [`${part('filename="f"', "1")}--xx--\r\n`, undefined, /a part has no name/],
      [part('name="f"; filename="f"', "cut off inside a file").slice(0, -9), undefined, /Unexpected end of/],
      ["garbage", undefined, /Unexpected end of form/],
      [whole.slice(0, 20), undefined, /Unexpected end of form/],
      [`--xx\r\nContent-Disposition\r\n\r\nv\r\n--xx--\r\n`, undefined, /Malformed part header/],
      [
        `--xx\r\nContent-Disposition: form-data; name="m"\r\nContent-Type: application/json\r\n\r\n{"a"\r\n--xx--\r\n`,
        undefined,
        /the part "m" is no JSON/,
      ],
      [`${part('name="a"', "1").repeat(10_001)}--xx--\r\n`, undefined, /more than 10000 parts/],
    ];
    for (const [body, type, why] of bad) {
      const { status, json } = await raw(body, type);
      assert.deepEqual([status, json["code"]], [400, "INVALID_FORM"], body.slice(0, 100));
      assert.match(json["error"] as string, why);
    }
    assert.deepEqual((await raw(whole)).json, { a: "1" });
  });

  it("a schema checks the fields", async (t) => {
    const { url } = await runModel(
      t,
      `const schema = { "~standard": { version: 1, vendor: "t", validate: (value) => value.image instanceof File
         ? { value: { bytes: value.image.size } } : { issues: [{ message: "Expected a file", path: ["image"] }] } } };
       export class Model { static input = schema; predict(input) { return input; } }`,
    );
    const send = async (name: string) => {
      const form = new FormData();
      form.append(name, new File(["abc"], "a"));
      const response = await fetch(`${url}/predict`, { method: "POST", body: form });
      return (await response.json()) as { bytes?: number; code?: string; details?: unknown };
    };
    assert.deepEqual(await send("image"), { bytes: 3 });
    const { code, details } = await send("picture");
    assert.deepEqual([code, details], ["INVALID_INPUT", [{ path: "image", message: "Expected a file" }]]);
  });
});
