import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { httpServer } from "../../helpers/http-server.ts";
import { postJson } from "../../helpers/post-json.ts";
import { ROOT } from "../../helpers/source-files.ts";
import { until } from "../../helpers/until.ts";
import type { TemplateCheck } from "./served-template.ts";

/** Red, white and blue stripes of 4, 3 and 1 pixels. */
const STRIPES = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAECAYAAACzzX7wAAAAJUlEQVR4AWM8IaD3nwEJmL+/yAADTEpZDEwMBAATAwHAxEAAAAAfaASS8VukgQAAAABJRU5ErkJggg==",
  "base64",
);
/** Nothing but transparent pixels. */
const CLEAR = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAYAAABytg0kAAAACklEQVR4AWPAAAAAEgABKPhxBgAAAABJRU5ErkJggg==",
  "base64",
);
const STRIPES_PALETTE = [
  { hex: "#c8102e", share: 0.5 },
  { hex: "#ffffff", share: 0.375 },
  { hex: "#012169", share: 0.125 },
];

export const checkTyped: TemplateCheck = async (t, { url }) => {
  const photo = await readFile(`${ROOT}templates/onnx/data/samples/sign.jpg`);
  let pending: ServerResponse | undefined;
  const images = await httpServer(t, (request, response) => {
    const send = (type: string, body: Buffer | string) => response.setHeader("content-type", type).end(body);
    switch (request.url) {
      case "/stripes.png":
        return send("image/png", STRIPES);
      case "/moved":
        return response.writeHead(302, { location: "/stripes.png" }).end();
      case "/photo.jpg":
        return send("image/jpeg; charset=binary", photo);
      case "/clear.png":
        return send("image/png", CLEAR);
      case "/page.html":
        return send("text/html", "<p>no image</p>");
      case "/large.png":
        return send("image/png", Buffer.alloc(10_000_001));
      case "/cut.jpg":
        return send("image/jpeg", photo.subarray(0, 700));
      case "/never.png":
        pending = response;
        return undefined;
      case "/reset":
        return response.destroy();
      default:
        return response.writeHead(404).end();
    }
  });
  const ask = (path: string, more: object = {}) =>
    postJson(`${url}/predict`, { image_url: images.url + path, ...more });

  await t.test("downloads an image and finds its colours", async () => {
    const { status, body } = await ask("/stripes.png", { colors: 3 });
    assert.equal(status, 200);
    assert.deepEqual(body, { width: 8, height: 4, palette: STRIPES_PALETTE });
    assert.deepEqual((await ask("/moved", { colors: 3 })).body.palette, STRIPES_PALETTE);
  });

  await t.test("the green of a green sign is among the colours of its photograph", async () => {
    const { body } = await ask("/photo.jpg");
    assert.deepEqual([body.width, body.height, body.palette.length], [900, 600, 5]);
    const isGreen = ({ hex }: { hex: string }) => {
      const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
      return g > 1.5 * r && g > b;
    };
    assert.ok(body.palette.some(isGreen), JSON.stringify(body.palette));
  });

  await t.test("draws the palette as a PNG, with headers of its own", async () => {
    const response = await fetch(`${url}/predict`, {
      method: "POST",
      body: JSON.stringify({ image_url: `${images.url}/stripes.png`, format: "png" }),
    });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), "image/png");
    assert.match(response.headers.get("cache-control") ?? "", /max-age=86400/);
    const png = Buffer.from(await response.arrayBuffer());
    assert.deepEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [400, 80]);
  });

  await t.test("input that breaks the schema is a 400 with the paths", async () => {
    const { status, body } = await postJson(`${url}/predict`, {
      image_url: "ftp://example.com/x.png",
      colors: 99,
    });
    assert.deepEqual([status, body.code], [400, "INVALID_INPUT"]);
    const paths = (body.details as { path: string | string[] }[]).map(({ path }) => String(path));
    assert.deepEqual(paths.sort(), ["colors", "image_url"]);
  });

  await t.test("the schemas are published", async () => {
    const schema = JSON.stringify(await (await fetch(`${url}/schema`)).json());
    assert.match(schema, /image_url/);
    assert.match(schema, /palette/);
  });

  await t.test("tells the caller what went wrong with the image", async () => {
    const cases: [string, number, string][] = [
      ["/missing.png", 422, "DOWNLOAD_FAILED"],
      ["/reset", 422, "DOWNLOAD_FAILED"],
      ["/page.html", 415, "NOT_AN_IMAGE"],
      ["/large.png", 413, "IMAGE_TOO_LARGE"],
      ["/cut.jpg", 422, "BAD_IMAGE"],
      ["/clear.png", 422, "NO_COLORS"],
    ];
    for (const [path, status, code] of cases) {
      const answer = await ask(path);
      assert.deepEqual([answer.status, answer.body.code], [status, code], path);
      assert.equal(typeof answer.body.error, "string");
    }
  });

  await t.test("a download that hangs holds nobody up, and ends when its caller goes", async () => {
    const caller = new AbortController();
    const hanging = fetch(`${url}/predict`, {
      method: "POST",
      body: JSON.stringify({ image_url: `${images.url}/never.png` }),
      signal: caller.signal,
    });
    const response = await until(async () => {
      assert.equal((await ask("/stripes.png")).status, 200);
      return pending;
    });
    const gone = once(response, "close");
    caller.abort();
    await assert.rejects(hanging);
    await gone;
  });
};
