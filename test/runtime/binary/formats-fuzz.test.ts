// Forms and inference requests against noise, in this process: whatever comes, it is an input or an InputError.
// Seeded: a failure names its case.
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { formFormat } from "../../../src/runtime/model/formats/form-format.ts";
import { tensorsFormat } from "../../../src/runtime/model/formats/tensors/tensors-format.ts";
import {
  type FormattedRequest,
  isInputError,
  type WireFormat,
} from "../../../src/runtime/model/formats/wire-format.ts";
import { type Random, seededRandom } from "../../helpers/random.ts";

const CASES = 3000;

/** Good bytes with some turned, taken out, cut off or doubled. */
function spoiled(random: Random, good: Buffer): Buffer {
  let body = Buffer.from(good);
  for (let i = random.int(4); i >= 0; i -= 1) {
    const at = random.int(body.byteLength + 1);
    const end = Math.min(body.byteLength, at + random.int(20));
    const kind = random.int(4);
    if (kind === 0 && at < body.byteLength) body[at] = random.int(256);
    else if (kind === 1) body = Buffer.concat([body.subarray(0, at), body.subarray(end)]);
    else if (kind === 2) body = body.subarray(0, at);
    else body = Buffer.concat([body.subarray(0, end), body.subarray(at)]);
  }
  return body;
}

/** Fails also where an error comes beside the call, as of a stream that nobody listens to. */
async function fuzz(
  t: TestContext,
  format: WireFormat,
  make: (random: Random) => FormattedRequest,
): Promise<number> {
  const strays: unknown[] = [];
  const stray = (error: unknown): void => void strays.push(error);
  process.on("uncaughtException", stray);
  t.after(() => process.off("uncaughtException", stray));
  let refused = 0;
  for (let seed = 1; seed <= CASES; seed += 1) {
    try {
      await format.decode(make(seededRandom(seed)));
    } catch (error) {
      assert.ok(isInputError(error), `seed ${seed}: ${String((error as Error).stack)}`);
      refused += 1;
    }
    assert.deepEqual(strays, [], `seed ${seed}`);
  }
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(strays, []);
  return refused;
}

describe("noise in place of", () => {
  it("a form", async (t) => {
    const part = (head: string, body: string): string =>
      `--xx\r\nContent-Disposition: form-data; ${head}\r\n\r\n${body}\r\n`;
    const fields = part('name="a"', "1") + part('name="f"; filename="x.bin"', "\0\xff".repeat(300));
    const json =
      'Content-Disposition: form-data; name="j"\r\nContent-Type: application/json\r\n\r\n{"k": [1]}';
    const good = Buffer.from(`${fields}--xx\r\n${json}\r\n--xx--\r\n`, "latin1");
    const header = (): string => "multipart/form-data; boundary=xx";
    const refused = await fuzz(t, formFormat, (random) => ({
      body: spoiled(random, good),
      url: "/predict",
      header,
    }));
    assert.ok(refused > CASES / 4 && refused < CASES, `${refused} were refused`);
  });

  it("an inference request", async (t) => {
    const json = JSON.stringify({
      id: "1",
      inputs: [
        {
          name: "a",
          shape: [2, 2],
          datatype: "FP32",
          data: [
            [1, 2.5],
            [3, 4],
          ],
        },
        { name: "b", shape: [2], datatype: "INT64", data: [1, "-2"] },
        { name: "c", shape: [3], datatype: "INT16", parameters: { binary_data_size: 6 } },
        { name: "d", shape: [2], datatype: "BYTES", parameters: { binary_data_size: 11 } },
      ],
      outputs: [{ name: "x", parameters: { binary_data: true } }],
    });
    const tail = Buffer.from("\x01\x00\x02\x00\x03\x00\x02\0\0\0\xff\0\x01\0\0\0x", "latin1");
    const refused = await fuzz(t, tensorsFormat, (random) => {
      const isTail = random.int(2) === 1;
      const head = isTail ? Buffer.from(json) : spoiled(random, Buffer.from(json));
      const body = Buffer.concat([head, isTail ? spoiled(random, tail) : tail]);
      return { body, url: "/v2/models/m/infer", header: () => String(head.byteLength) };
    });
    assert.ok(refused > CASES / 2 && refused < CASES, `${refused} were refused`);
  });
});
