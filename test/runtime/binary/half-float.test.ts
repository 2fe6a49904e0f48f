import assert from "node:assert/strict";
import { it } from "node:test";
import { fromHalf, toHalf } from "../../../src/runtime/model/formats/tensors/half-float.ts";

it("each of the 65,536 half floats is a number, and that number is it again", () => {
  for (let bits = 0; bits < 65_536; bits += 1) {
    const value = fromHalf(bits);
    if (Number.isNaN(value)) assert.ok(Number.isNaN(fromHalf(toHalf(value))));
    else assert.equal(toHalf(value), bits, `${bits.toString(16)} is ${value}`);
  }
  const known: Record<number, number> = {
    0x3c00: 1,
    0xc000: -2,
    0x7bff: 65504,
    0x0400: 2 ** -14,
    0x0001: 2 ** -24,
  };
  for (const [bits, value] of Object.entries(known)) assert.equal(fromHalf(Number(bits)), value);
});

it("a number between two half floats goes to the nearer one, and from the middle to the even one", () => {
  for (let bits = 0; bits < 0x7bff; bits += 1) {
    const [low, high] = [fromHalf(bits), fromHalf(bits + 1)];
    const middle = (low + high) / 2;
    assert.equal(toHalf(middle), bits % 2 === 0 ? bits : bits + 1);
    assert.equal(toHalf(low + (middle - low) * 0.99), bits);
    assert.equal(toHalf(-(middle + (high - middle) * 0.01)), 0x8000 | (bits + 1));
  }
  assert.equal(toHalf(65519), 0x7bff);
  assert.equal(toHalf(65520), 0x7c00);
  assert.equal(toHalf(-1e300), 0xfc00);
  assert.equal(toHalf(2 ** -26), 0);
});
