import assert from "node:assert/strict";
import { it } from "node:test";
import { inspectAddressText, parseInspectAddress } from "../../src/protocol/inspect-address.ts";

it("an address of this machine is taken, and is the same when it is read again", () => {
  const cases: [string, string, number][] = [
    ["9230", "127.0.0.1", 9230],
    ["0", "127.0.0.1", 0],
    ["localhost", "localhost", 9229],
    ["localhost:1", "localhost", 1],
    ["127.8.9.1:65535", "127.8.9.1", 65_535],
    ["[::1]:9229", "::1", 9229],
    ["[::1]", "::1", 9229],
  ];
  for (const [text, host, port] of cases) {
    const address = parseInspectAddress(text);
    assert.deepEqual(address, { host, port }, text);
    assert.deepEqual(parseInspectAddress(inspectAddressText({ host, port })), { host, port });
  }
});

it("any other is refused with the reason", () => {
  const cases: [string, RegExp][] = [
    ["0.0.0.0", /may run any code/],
    ["0.0.0.0:9229", /may run any code/],
    ["10.0.0.1:9229", /may run any code/],
    ["[::]:9229", /may run any code/],
    ["[fe80::1]", /may run any code/],
    ["1270.0.1", /may run any code/],
    ["localhost.example.com:9229", /must be a port/],
    ["my-model", /A folder stands before the flag/],
    ["./my-model", /A folder stands before the flag/],
    ["65536", /from 0 to 65535/],
    ["127.0.0.1:65536", /from 0 to 65535/],
    ["", /must be a port, or an address/],
    ["::1", /must be a port, or an address/],
    ["127.0.0.1:", /must be a port, or an address/],
    ["127.0.0.1:x", /must be a port, or an address/],
    ["-1", /must be a port/],
  ];
  for (const [text, says] of cases) {
    const fault = parseInspectAddress(text);
    assert.equal(typeof fault, "string", text);
    assert.match(fault as string, says, text);
  }
});
