import { readSync } from "node:fs";

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT_NEEDED = 1n;
const DT_STRTAB = 5n;
const DT_STRSZ = 10n;
/** More than any real file has of it; a damaged one must not take memory. */
const MAX_DYNAMIC_BYTES = 1024 * 1024;
const MAX_NAME_BYTES = 256;
const MAX_NAMES_BYTES = 64 * 1024 * 1024;

interface Segment {
  type: number;
  offset: number;
  address: bigint;
  size: number;
}

/** The names of the shared libraries that a 64-bit little-endian ELF file asks for (DT_NEEDED). */
export function elfNeeds(fd: number, head: Buffer): string[] {
  const { needs, strings } = readDynamic(fd, head);
  return strings === null ? [] : needs.map((offset) => readName(fd, strings.start + Number(offset)));
}

/** All names in the dynamic string table, each between two zero bytes: symbols given, symbols asked for, libraries. */
export function elfNames(fd: number, head: Buffer): Buffer {
  const { strings } = readDynamic(fd, head);
  if (strings === null || strings.size > MAX_NAMES_BYTES) return Buffer.alloc(0);
  return readAt(fd, strings.start, strings.size);
}

interface Dynamic {
  /** Offsets in the string table. */
  needs: bigint[];
  strings: { start: number; size: number } | null;
}

function readDynamic(fd: number, head: Buffer): Dynamic {
  const segments = readSegments(fd, head);
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  if (!dynamic || dynamic.size > MAX_DYNAMIC_BYTES) return { needs: [], strings: null };
  const table = readAt(fd, dynamic.offset, dynamic.size);
  const needs: bigint[] = [];
  let strings: bigint | null = null;
  let size = 0;
  for (let at = 0; at + 16 <= table.length; at += 16) {
    const tag = table.readBigInt64LE(at);
    const value = table.readBigUInt64LE(at + 8);
    if (tag === 0n) break;
    if (tag === DT_NEEDED) needs.push(value);
    if (tag === DT_STRTAB) strings = value;
    if (tag === DT_STRSZ) size = Number(value);
  }
  const start = strings === null ? null : fileOffset(strings, segments);
  return { needs, strings: start === null ? null : { start, size } };
}

function readSegments(fd: number, head: Buffer): Segment[] {
  const offset = Number(head.readBigUInt64LE(32));
  const entrySize = head.readUInt16LE(54);
  const count = head.readUInt16LE(56);
  if (entrySize < 56 || count > 1000) return [];
  const table = readAt(fd, offset, entrySize * count);
  const segments: Segment[] = [];
  for (let at = 0; at + 56 <= table.length; at += entrySize) {
    segments.push({
      type: table.readUInt32LE(at),
      offset: Number(table.readBigUInt64LE(at + 8)),
      address: table.readBigUInt64LE(at + 16),
      size: Number(table.readBigUInt64LE(at + 32)),
    });
  }
  return segments;
}

function fileOffset(address: bigint, segments: readonly Segment[]): number | null {
  const segment = segments.find(
    ({ type, address: start, size }) =>
      type === PT_LOAD && address >= start && address < start + BigInt(size),
  );
  return segment ? segment.offset + Number(address - segment.address) : null;
}

function readName(fd: number, offset: number): string {
  const bytes = readAt(fd, offset, MAX_NAME_BYTES);
  const end = bytes.indexOf(0);
  return bytes.subarray(0, end === -1 ? 0 : end).toString("latin1");
}

/** Empty where a damaged header points out of any file. */
function readAt(fd: number, offset: number, size: number): Buffer {
  if (!Number.isSafeInteger(offset)) return Buffer.alloc(0);
  const bytes = Buffer.alloc(size);
  return bytes.subarray(0, readSync(fd, bytes, 0, size, offset));
}
