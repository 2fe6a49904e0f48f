import assert from "node:assert/strict";
import { test } from "node:test";
import busboy from "busboy";
import { FormModelFinder, formBoundary } from "../../../src/server/router/find-form-model.ts";

/** What the parser of the runtime finds. */
function oracle(body: Buffer, contentType: string): Promise<string | null> {
  return new Promise((resolve) => {
    let found: string | null = null;
    const parser = busboy({ headers: { "content-type": contentType } });
    parser.on("field", (name, value) => {
      if (name === "model") found ??= value;
    });
    parser.on("file", (_name, file) => file.resume());
    parser.on("close", () => resolve(found));
    parser.on("error", () => resolve(null));
    parser.end(body);
  });
}

function find(body: Buffer, contentType: string, step: number): string | null {
  const boundary = formBoundary(contentType);
  assert.ok(boundary !== null);
  const finder = new FormModelFinder(boundary);
  for (let at = 0; at < body.length; at += step) {
    const name = finder.push(body.subarray(at, at + step));
    if (name !== undefined) return name;
  }
  return null;
}

async function formOf(fields: [string, string | Blob][]): Promise<{ body: Buffer; contentType: string }> {
  const form = new FormData();
  for (const [name, value] of fields) form.append(name, value as never);
  const request = new Request("http://x", { method: "POST", body: form });
  return {
    body: Buffer.from(await request.arrayBuffer()),
    contentType: request.headers.get("content-type") as string,
  };
}

test("the model of a form is found as the runtime's parser finds it, however its bytes come", async () => {
  const noise = Buffer.alloc(3000);
  for (let i = 0; i < noise.length; i += 1) noise[i] = "\r\n--model"[i % 9]!.charCodeAt(0);
  const forms = await Promise.all([
    formOf([
      ["file", new Blob([noise])],
      ["model", "whisper@staging"],
    ]),
    formOf([
      ["model", "m"],
      ["file", new Blob([noise])],
    ]),
    formOf([
      ["empty", ""],
      ["file", new Blob([])],
      ["model", "grüezi"],
    ]),
    formOf([
      ["modelx", "no"],
      ["file", new Blob(['name="model"\r\n\r\nno'])],
    ]),
    formOf([
      ["model", ""],
      ["x", "y"],
    ]),
  ]);
  const raw = (text: string): Buffer => Buffer.from(text.replaceAll("\n", "\r\n"));
  const contentType = 'multipart/form-data; charset=utf-8; boundary="b c"';
  forms.push(
    {
      contentType,
      body: raw(
        "preamble\n--b c\nContent-Type: text/plain\nContent-Disposition: form-data; name=model\n\nm\n--b c--\n",
      ),
    },
    { contentType, body: raw('--b c\ncontent-disposition: form-data; name="model"\n\ntail') },
    { contentType, body: raw("--b c--\n") },
    { contentType, body: raw("no form at all") },
  );
  for (const [i, { body, contentType: type }] of forms.entries()) {
    const expected = (await oracle(body, type)) || null;
    for (const step of [1, 2, 3, 7, 64, 5000])
      assert.equal(find(body, type, step), expected, `form ${i} in steps of ${step}`);
  }
});

test("what is no form has no boundary", () => {
  for (const type of [
    undefined,
    "",
    "application/json",
    "multipart/mixed; boundary=x",
    "multipart/form-data",
  ])
    assert.equal(formBoundary(type), null);
});

test("a name or a head without an end is given up", () => {
  for (const start of ["--b\r\nx: ", '--b\r\ncontent-disposition: form-data; name="model"\r\n\r\n']) {
    const finder = new FormModelFinder("b");
    let result = finder.push(Buffer.from(start));
    for (let i = 0; i < 40 && result === undefined; i += 1) result = finder.push(Buffer.alloc(1024, 97));
    assert.equal(result, null);
  }
});
