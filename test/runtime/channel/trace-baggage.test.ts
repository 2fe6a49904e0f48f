// Issue 12, part 2, point 6: what a trace carries along is bounded, and what is malformed of it is left out.
import assert from "node:assert/strict";
import { test } from "node:test";
import { formatBaggage, readBaggage, readTracestate } from "../../../src/runtime/channel/trace-baggage.ts";

test("trace state: members in their order, without those that are malformed or come twice", () => {
  const cases: [string, string][] = [
    ["", ""],
    ["vendor=1", "vendor=1"],
    [" vendor=1 ,\tother@sys=a b-c!", "vendor=1,other@sys=a b-c!"],
    ["a=1,a=2,b=3", "a=1,b=3"],
    ["A=1,=2,b,c=,d=é,e=x y,f=1", "e=x y,f=1"],
    ["a=x\u0000,b=1", "b=1"],
    [`${"k".repeat(257)}=1,ok=1`, "ok=1"],
    [`a=${"v".repeat(257)},ok=1`, "ok=1"],
    [",,a=1,,", "a=1"],
  ];
  for (const [header, read] of cases) assert.equal(readTracestate(header), read, header.slice(0, 40));
});

test("trace state that is too much loses its long members first, then the oldest", () => {
  const many = Array.from({ length: 40 }, (_, i) => `k${i}=1`);
  assert.equal(readTracestate(many.join(",")), many.slice(0, 32).join(","));
  const large = `large=${"x".repeat(200)}`;
  const middle = Array.from({ length: 4 }, (_, i) => `m${i}=${"y".repeat(120)}`);
  assert.equal(readTracestate([large, ...middle].join(",")), middle.join(","));
  const five = Array.from({ length: 5 }, (_, i) => `m${i}=${"y".repeat(120)}`);
  assert.equal(readTracestate(five.join(",")), five.slice(0, 4).join(","));
  assert.equal(readTracestate(`${"a=1,".repeat(1e5)}`), "a=1");
});

test("baggage comes back as it was, decoded in between, without what is malformed", () => {
  const header = 'user=J%C3%BCrg, plan = a%20b%2Cc ;ttl=5; private,bad key=1,no-value,x=%E0%A4,q="z",empty=';
  const members = readBaggage(header);
  assert.deepEqual(members, [
    { key: "user", value: "Jürg", properties: "" },
    { key: "plan", value: "a b,c", properties: "ttl=5; private" },
    { key: "empty", value: "", properties: "" },
  ]);
  assert.equal(formatBaggage(members), "user=J%C3%BCrg,plan=a%20b%2Cc;ttl=5; private,empty=");
  assert.deepEqual(readBaggage(formatBaggage(members)), members);
  const own = [
    { key: "a\r\nb", value: "x", properties: "" },
    { key: "c", value: "\ud800\r\n", properties: "" },
    { key: "d", value: "x", properties: "p\r\nq" },
  ];
  assert.equal(formatBaggage(own), "c=%EF%BF%BD%0D%0A", "what user code sets cannot break out of the header");
});

test("baggage is bounded in members and bytes, in and out", () => {
  const many = Array.from({ length: 300 }, (_, i) => `k${i}=v`).join(",");
  assert.equal(readBaggage(many).length, 180);
  const long = Array.from({ length: 100 }, (_, i) => `k${i}=${"v".repeat(200)}`).join(",");
  const members = readBaggage(long);
  assert.ok(members.length > 35 && formatBaggage(members).length <= 8192);
  const grown = members.map((member) => ({ ...member, value: "é".repeat(100) }));
  assert.ok(formatBaggage(grown).length <= 8192);
  assert.deepEqual(readBaggage(`a=${"v".repeat(9000)},b=1`), [{ key: "b", value: "1", properties: "" }]);
});
