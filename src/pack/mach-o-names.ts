import { readSync } from "node:fs";

const LC_SYMTAB = 2;
const HEADER_BYTES = 32;
const MAX_COMMANDS_BYTES = 1024 * 1024;
const MAX_NAMES_BYTES = 64 * 1024 * 1024;
const MAX_SLICES = 16;

/** All names in the symbol tables of a 64-bit Mach-O file, each between two zero bytes and with C's underscore. */
export function machONames(fd: number, head: Buffer): Buffer {
  return Buffer.concat(slices(head).map((start) => namesAt(fd, start)));
}

/** Where each machine's part of the file begins. */
function slices(head: Buffer): number[] {
  if (head.readUInt32BE(0) !== 0xcafebabe) return [0];
  const count = Math.min(head.readUInt32BE(4), MAX_SLICES);
  return Array.from({ length: count }, (_, index) => head.readUInt32BE(8 + 20 * index + 8));
}

function namesAt(fd: number, start: number): Buffer {
  const header = readAt(fd, start, HEADER_BYTES);
  if (header.length < HEADER_BYTES || header.readUInt32LE(0) !== 0xfeedfacf) return Buffer.alloc(0);
  const commands = readAt(fd, start + HEADER_BYTES, Math.min(header.readUInt32LE(20), MAX_COMMANDS_BYTES));
  for (let at = 0; at + 24 <= commands.length;) {
    const size = commands.readUInt32LE(at + 4);
    if (commands.readUInt32LE(at) === LC_SYMTAB) {
      const bytes = Math.min(commands.readUInt32LE(at + 20), MAX_NAMES_BYTES);
      return readAt(fd, start + commands.readUInt32LE(at + 16), bytes);
    }
    if (size < 8) break;
    at += size;
  }
  return Buffer.alloc(0);
}

function readAt(fd: number, offset: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  return bytes.subarray(0, readSync(fd, bytes, 0, size, offset));
}
