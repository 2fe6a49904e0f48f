/** Request bodies, made the same way each time: the load generator and the checks both build them by name. */
import { randomFillSync } from "node:crypto";

const MIB_10 = 10 * 1000 * 1000;

const makers = {
  none: () => Buffer.alloc(0),
  /** 1,024 bytes of JSON: a prompt, some numbers, a little nesting. */
  json_1k: () => jsonOfSize(1024),
  json_10mb_string: () => Buffer.from(JSON.stringify({ data: filler(MIB_10) })),
  json_10mb_floats: () => Buffer.from(JSON.stringify({ data: floats(545_000) })),
  bytes_1k: () => Buffer.alloc(1024, 7),
  bytes_10mb: () => randomFillSync(Buffer.alloc(MIB_10)),
};

const cache = new Map();

/** The body of that name and its content type. */
export function payload(name) {
  let found = cache.get(name);
  if (found === undefined) {
    const make = makers[name];
    if (make === undefined) throw new Error(`no payload is called ${name}`);
    found = {
      body: make(),
      type: name.startsWith("bytes") ? "application/octet-stream" : "application/json",
    };
    cache.set(name, found);
  }
  return found;
}

function jsonOfSize(size) {
  const value = {
    id: "req-0001",
    values: [0.25, 1.5, -3.75, 1e3],
    options: { top_k: 40, stop: null, stream: false },
    prompt: "",
  };
  value.prompt = filler(size - JSON.stringify(value).length);
  return Buffer.from(JSON.stringify(value));
}

/** What base64 looks like: letters and digits, no escapes. */
function filler(length) {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const block = Array.from({ length: 4096 }, (_, index) => alphabet[(index * 31 + (index >> 6)) % 64]).join(
    "",
  );
  return block.repeat(Math.ceil(length / block.length)).slice(0, length);
}

/** Full-precision numbers between 0 and 1 from a fixed generator (mulberry32 twice for 53 bits). */
function floats(count) {
  let state = 0x9e3779b9;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return Array.from({ length: count }, () => ((next() >>> 5) * 67108864 + (next() >>> 6)) / 9007199254740992);
}
