const EMBEDDING = 64;
const FEED_FORWARD = 128;
const LAYERS = 2;
const ALIGNMENT = 32;
/** Types of values in a GGUF file. */
const U32 = 4;
const I32 = 5;
const F32 = 6;
const TEXT = 8;
const LIST = 9;

const WORDS = "▁ ▁the ▁sea ▁boat ▁and e t a o n i s r h l d u . ,".split(" ");

/**
 * A language model file for llama.cpp that says nothing sensible, half a megabyte: real format and architecture,
 * random weights. The same bytes each time.
 */
export function tinyGguf(): Buffer {
  const vocabulary = ["<unk>", "<s>", "</s>", ...byteTokens(), ...WORDS];
  const kinds = vocabulary.map((_, i) => (i === 0 ? 2 : i < 3 ? 3 : i < 259 ? 6 : 1));
  const metadata = [
    pair("general.architecture", TEXT, text("llama")),
    pair("llama.context_length", U32, u32(512)),
    pair("llama.embedding_length", U32, u32(EMBEDDING)),
    pair("llama.block_count", U32, u32(LAYERS)),
    pair("llama.feed_forward_length", U32, u32(FEED_FORWARD)),
    pair("llama.attention.head_count", U32, u32(4)),
    pair("llama.attention.layer_norm_rms_epsilon", F32, f32(1e-5)),
    pair("tokenizer.ggml.model", TEXT, text("llama")),
    pair("tokenizer.ggml.tokens", LIST, list(TEXT, vocabulary.map(text))),
    pair(
      "tokenizer.ggml.scores",
      LIST,
      list(
        F32,
        vocabulary.map((_, i) => f32(-i)),
      ),
    ),
    pair("tokenizer.ggml.token_type", LIST, list(I32, kinds.map(u32))),
    pair("tokenizer.ggml.bos_token_id", U32, u32(1)),
    pair("tokenizer.ggml.eos_token_id", U32, u32(2)),
  ];
  const tensors = tensorShapes(vocabulary.length);
  const infos: Buffer[] = [];
  const weights: Buffer[] = [];
  const random = numbers();
  let offset = 0;
  for (const [name, shape] of tensors) {
    infos.push(text(name), u32(shape.length), ...shape.map(u64), u32(0), u64(offset));
    const isNorm = name.includes("norm");
    const size = shape.reduce((a, b) => a * b);
    const values = Float32Array.from({ length: size }, () => (isNorm ? 1 : (random() - 0.5) * 0.2));
    weights.push(padded(Buffer.from(values.buffer)));
    offset += weights.at(-1)?.length ?? 0;
  }
  const head = [
    Buffer.from("GGUF"),
    u32(3),
    u64(tensors.length),
    u64(metadata.length),
    ...metadata,
    ...infos,
  ];
  return Buffer.concat([padded(Buffer.concat(head)), ...weights]);
}

function tensorShapes(vocabulary: number): [string, number[]][] {
  const layer = (i: number): [string, number[]][] => [
    [`blk.${i}.attn_norm.weight`, [EMBEDDING]],
    ...["q", "k", "v", "output"].map((part): [string, number[]] => [
      `blk.${i}.attn_${part}.weight`,
      [EMBEDDING, EMBEDDING],
    ]),
    [`blk.${i}.ffn_norm.weight`, [EMBEDDING]],
    [`blk.${i}.ffn_gate.weight`, [EMBEDDING, FEED_FORWARD]],
    [`blk.${i}.ffn_up.weight`, [EMBEDDING, FEED_FORWARD]],
    [`blk.${i}.ffn_down.weight`, [FEED_FORWARD, EMBEDDING]],
  ];
  return [
    ["token_embd.weight", [EMBEDDING, vocabulary]],
    ["output_norm.weight", [EMBEDDING]],
    ["output.weight", [EMBEDDING, vocabulary]],
    ...Array.from({ length: LAYERS }, (_, i) => layer(i)).flat(),
  ];
}

function byteTokens(): string[] {
  return Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, "0")}>`);
}

function numbers(): () => number {
  let state = 1;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((ALIGNMENT - (bytes.length % ALIGNMENT)) % ALIGNMENT)]);
}

function pair(key: string, type: number, value: Buffer): Buffer {
  return Buffer.concat([text(key), u32(type), value]);
}

function list(type: number, items: Buffer[]): Buffer {
  return Buffer.concat([u32(type), u64(items.length), ...items]);
}

function text(value: string): Buffer {
  return Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function f32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}
