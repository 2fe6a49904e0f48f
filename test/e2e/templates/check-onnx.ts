import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { postJson } from "../../helpers/post-json.ts";
import type { TemplateCheck } from "./served-template.ts";

interface Line {
  text: string;
  confidence: number;
  box: [number, number][];
}

const PAGE = [
  "Chapter Three",
  "The tide was out when we came down to the",
  "harbour. Forty boats lay on their sides in the",
  "mud, and a man in yellow boots walked from one",
  "to the next, knocking on each hull as if he",
  "expected somebody to answer.",
  "page 47",
];

export const checkOnnx: TemplateCheck = async (t, { url, projectDir }) => {
  const read = (input: unknown) => postJson(`${url}/predict`, input);

  await t.test("reads a page exactly", async () => {
    const { status, body } = await read({ sample: "page.png" });
    assert.equal(status, 200);
    assert.deepEqual(body.text.split("\n"), PAGE);
    for (const { text, confidence } of body.lines as Line[]) {
      assert.ok(confidence > 0.95, `${text}: ${confidence}`);
    }
  });

  await t.test("reads an image that the caller sends, as base64 or data URL", async () => {
    const image = (await readFile(join(projectDir, "data/samples/sign.jpg"))).toString("base64");
    const expected = "Old Town 2 km\nCentral Station\nFerry to the islands";
    assert.equal((await read({ image })).body.text, expected);
    assert.equal((await read({ image: `data:image/jpeg;base64,${image}` })).body.text, expected);
  });

  await t.test("boxes lie around their text", async () => {
    const lines = (await read({ sample: "receipt.png" })).body.lines as Line[];
    // Where the receipt was drawn: left, top, right and bottom edge of the letters.
    near(lines, "Espresso", [60, 212, 176, 238]);
    near(lines, "TOTAL", [60, 425, 145, 447]);
    near(lines, "11.55", [376, 425, 460, 447]);
  });

  await t.test("boxes of a sign that hangs askew lean with it", async () => {
    const lines = (await read({ sample: "sign.jpg" })).body.lines as Line[];
    for (const { text, box } of lines) {
      const [[x1 = 0, y1 = 0] = [], [x2 = 0, y2 = 0] = []] = box;
      const degrees = (Math.atan2(y2 - y1, x2 - x1) * 180) / Math.PI;
      assert.ok(Math.abs(degrees + 8) < 2, `${text}: ${degrees} degrees`);
    }
  });

  await t.test("says what is wrong with an image", async () => {
    const cases: [unknown, number, string][] = [
      [{}, 400, "NO_IMAGE"],
      [null, 400, "NO_IMAGE"],
      [{ image: "*" }, 400, "BAD_BASE64"],
      [{ image: "" }, 400, "BAD_BASE64"],
      [{ image: Buffer.from("no image").toString("base64") }, 422, "BAD_IMAGE"],
      [{ sample: "../../config/config.json" }, 404, "NO_SAMPLE"],
    ];
    for (const [input, status, code] of cases) {
      const answer = await read(input);
      assert.deepEqual([answer.status, answer.body.code], [status, code], JSON.stringify(input));
    }
  });
};

function near(lines: Line[], text: string, edges: [number, number, number, number]): void {
  const line = lines.find((one) => one.text === text);
  assert.ok(line, `${text} in ${lines.map((one) => one.text).join(", ")}`);
  const xs = line.box.map(([x]) => x);
  const ys = line.box.map(([, y]) => y);
  const found = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
  for (const [i, edge] of edges.entries()) {
    assert.ok(
      Math.abs((found[i] ?? 0) - edge) <= 8,
      `${text}: ${found.join(" ")}, expected ${edges.join(" ")}`,
    );
  }
}
