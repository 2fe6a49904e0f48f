/** Request bodies, made the same way each time: the load generator and the checks both build them by name. */
import { randomFillSync } from "node:crypto";

const MIB_10 = 10 * 1000 * 1000;

const makers = {
  none: () => Buffer.alloc(0),
  /** 1,024 bytes of JSON: a prompt, some numbers, a little nesting. */
  json_1k: () => jsonOfSize(1024),
  json_10mb_string: () => Buffer.from(JSON.stringify({ data: filler(MIB_10) })),
  json_10mb_floats: () => Buffer.from(JSON.stringify({ data: floats(545_000) })),
  /** The same 10 MB of float32 three times; as JSON with the fewest digits that tell them apart. */
  json_tensor: () =>
    Buffer.from(`{"x":[${Array.from(tensor(), (value) => value.toPrecision(9)).join(",")}]}`),
  msgpack_tensor: () => {
    // {"x": Float32Array}, which is extension 8.
    const head = Buffer.from([0x81, 0xa1, 0x78, 0xc9, 0, 0, 0, 0, 8]);
    head.writeUInt32BE(MIB_10, 4);
    return Buffer.concat([head, Buffer.from(tensor().buffer)]);
  },
  inference_tensor: () => Buffer.concat([INFERENCE_HEAD, Buffer.from(tensor().buffer)]),
  bytes_1k: () => Buffer.alloc(1024, 7),
  bytes_10mb: () => randomFillSync(Buffer.alloc(MIB_10)),
};

const INFERENCE_HEAD = Buffer.from(
  JSON.stringify({
    parameters: { binary_data_output: true },
    inputs: [
      {
        name: "x",
        shape: [MIB_10 / 4],
        datatype: "FP32",
        parameters: { binary_data_size: MIB_10 },
      },
    ],
  }),
);

const TYPES = { bytes: "application/octet-stream", msgpack: "application/x-msgpack" };

const cache = new Map();

/** The body of that name and its headers, the length aside. */
export function payload(name) {
  let found = cache.get(name);
  if (found === undefined) {
    const make = makers[name];
    if (make === undefined) throw new Error(`no payload is called ${name}`);
    const headers = { "content-type": TYPES[name.split("_")[0]] ?? "application/json" };
    if (name.startsWith("inference"))
      headers["inference-header-content-length"] = String(INFERENCE_HEAD.byteLength);
    found = { body: make(), headers };
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

function tensor() {
  return Float32Array.from(floats(MIB_10 / 4));
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
