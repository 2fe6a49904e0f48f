/** The least that is a 64-bit little-endian ELF library: a header, one loaded segment, what it needs. */
export function elfFile(machine: number, needs: readonly string[]): Buffer {
  const names = Buffer.from(`\0${needs.map((name) => `${name}\0`).join("")}`);
  const [dynamicAt, stringsAt] = [64 + 2 * 56, 64 + 2 * 56 + 16 * (needs.length + 2)];
  const file = Buffer.alloc(stringsAt + names.length + 64);
  file.write("\x7fELF\x02\x01\x01", 0, "latin1");
  file.writeUInt16LE(3, 16);
  file.writeUInt16LE(machine, 18);
  file.writeBigUInt64LE(64n, 32);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(2, 56);
  const segment = (at: number, type: number, start: number, size: number): void => {
    file.writeUInt32LE(type, at);
    file.writeBigUInt64LE(BigInt(start), at + 8);
    file.writeBigUInt64LE(BigInt(start) + 0x1000n, at + 16);
    file.writeBigUInt64LE(BigInt(size), at + 32);
  };
  segment(64, 1, 0, file.length);
  segment(120, 2, dynamicAt, stringsAt - dynamicAt);
  const entries: [number, number][] = [[5, stringsAt + 0x1000]];
  let offset = 1;
  for (const name of needs) {
    entries.push([1, offset]);
    offset += name.length + 1;
  }
  entries.forEach(([tag, value], index) => {
    file.writeBigInt64LE(BigInt(tag), dynamicAt + 16 * index);
    file.writeBigUInt64LE(BigInt(value), dynamicAt + 16 * index + 8);
  });
  names.copy(file, stringsAt);
  return file;
}

export function machOFile(cpus: readonly number[]): Buffer {
  const file = Buffer.alloc(256);
  const [only = 0] = cpus;
  if (cpus.length === 1) {
    file.writeUInt32LE(0xfeedfacf, 0);
    file.writeUInt32LE(only, 4);
    return file;
  }
  file.writeUInt32BE(0xcafebabe, 0);
  file.writeUInt32BE(cpus.length, 4);
  cpus.forEach((cpu, index) => file.writeUInt32BE(cpu, 8 + 20 * index));
  return file;
}

export function peFile(machine: number): Buffer {
  const file = Buffer.alloc(256);
  file.write("MZ", 0, "latin1");
  file.writeUInt32LE(128, 60);
  file.write("PE\0\0", 128, "latin1");
  file.writeUInt16LE(machine, 132);
  return file;
}
