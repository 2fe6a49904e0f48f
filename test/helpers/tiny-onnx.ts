/** The wire types of protobuf: a number, or bytes with their length. */
const VARINT = 0;
const BYTES = 2;
/** onnx.proto: TensorProto.DataType.FLOAT. */
const FLOAT = 1;

/**
 * An ONNX model with one node: `y = x · W`, where x is a row of `size` floats and W a square of weights that takes
 * `size² × 4` bytes. W is a permutation: y is x in reverse, so that answers can be checked.
 */
export function reversingOnnx(size: number): Buffer {
  const weights = new Float32Array(size * size);
  for (let row = 0; row < size; row++) weights[row * size + (size - 1 - row)] = 1;
  const node = [text(1, "x"), text(1, "w"), text(2, "y"), text(4, "MatMul")];
  const tensor = [
    number(1, size),
    number(1, size),
    number(2, FLOAT),
    text(8, "w"),
    field(9, Buffer.from(weights.buffer)),
  ];
  const graph = [
    message(1, node),
    text(2, "reverse"),
    message(5, tensor),
    message(11, row("x", size)),
    message(12, row("y", size)),
  ];
  const opset = [number(2, 13)];
  return Buffer.concat([number(1, 8), message(7, graph), message(8, opset)]);
}

/** ValueInfoProto of one row of floats. */
function row(name: string, size: number): Buffer[] {
  const shape = [message(1, [number(1, 1)]), message(1, [number(1, size)])];
  return [text(1, name), message(2, [message(1, [number(1, FLOAT), message(2, shape)])])];
}

function message(id: number, fields: Buffer[]): Buffer {
  return field(id, Buffer.concat(fields));
}

function text(id: number, value: string): Buffer {
  return field(id, Buffer.from(value));
}

function field(id: number, bytes: Buffer): Buffer {
  return Buffer.concat([varint((id << 3) | BYTES), varint(bytes.byteLength), bytes]);
}

function number(id: number, value: number): Buffer {
  return Buffer.concat([varint((id << 3) | VARINT), varint(value)]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push((value % 128) | 0x80);
  return Buffer.from([...bytes, value]);
}
