import { closeSync, openSync, readSync } from "node:fs";
import type { Target } from "../protocol/target.ts";
import { elfNeeds } from "./elf-needs.ts";

/** What a machine must be to load a binary; null where any is right. */
export interface NativeBinary {
  os: string;
  cpus: readonly string[];
  libc: "glibc" | "musl" | null;
  /** Shared libraries that it asks for by name. */
  needs: readonly string[];
}

const ELF_CPUS: Record<number, string> = {
  3: "ia32",
  21: "ppc64",
  22: "s390x",
  40: "arm",
  62: "x64",
  183: "arm64",
  243: "riscv64",
  258: "loong64",
};
const MACH_CPUS: Record<number, string> = { 0x01000007: "x64", 0x0100000c: "arm64", 7: "ia32" };
const PE_CPUS: Record<number, string> = { 0x8664: "x64", 0xaa64: "arm64", 0x14c: "ia32", 0x1c4: "arm" };

/** May a file of this name and mode be a binary? Reading each file of a package would cost much for nothing. */
export function maybeNative(path: string, isExecutable: boolean): boolean {
  return (
    /\.(node|so(\.[\d.]+)?|dylib|dll|exe|bare)$/i.test(path) || (isExecutable && !/\.[cm]?js$/.test(path))
  );
}

/** Reads an ELF, Mach-O or PE header; null for every other file. */
export function readNativeBinary(file: string): NativeBinary | null {
  const fd = openSync(file, "r");
  try {
    const head = Buffer.alloc(4096);
    const size = readSync(fd, head, 0, head.length, 0);
    if (size < 64) return null;
    if (head.readUInt32BE(0) === 0x7f454c46) return elf(fd, head);
    return machO(head) ?? portableExecutable(head, size);
  } finally {
    closeSync(fd);
  }
}

/** Can this target load it? */
export function runsOn({ os, cpus, libc }: NativeBinary, target: Target): boolean {
  return os === target.os && cpus.includes(target.cpu) && (libc === null || libc === target.libc);
}

/** linux-x64-musl, darwin-arm64 */
export function describeBinary({ os, cpus, libc }: NativeBinary): string {
  return `${os}-${cpus.join("+")}${libc === "musl" ? "-musl" : ""}`;
}

function elf(fd: number, head: Buffer): NativeBinary {
  const isLittle = head[5] === 1;
  const machine = isLittle ? head.readUInt16LE(18) : head.readUInt16BE(18);
  const needs = head[4] === 2 && isLittle ? elfNeeds(fd, head) : [];
  const isBsd = head[7] === 9 || head[7] === 12;
  const isAndroid =
    needs.includes("libandroid.so") || (needs.includes("libc.so") && needs.includes("libdl.so"));
  const os = isBsd ? "freebsd" : isAndroid ? "android" : "linux"; // oxlint-disable-line no-nested-ternary -- three plain cases
  return { os, cpus: [ELF_CPUS[machine] ?? `elf-${machine}`], libc: libcOf(needs), needs };
}

/** glibc is libc.so.6 everywhere; musl's own name has the machine in it, and musl toolchains write libc.so. */
function libcOf(needs: readonly string[]): NativeBinary["libc"] {
  if (needs.some((name) => name === "libc.so.6" || name.startsWith("ld-linux"))) return "glibc";
  return needs.some((name) => name === "libc.so" || name.startsWith("libc.musl-")) ? "musl" : null;
}

function machO(head: Buffer): NativeBinary | null {
  const magic = head.readUInt32BE(0);
  if (magic === 0xcffaedfe || magic === 0xcefaedfe) return darwin([head.readUInt32LE(4)]);
  // Java classes begin with the same four bytes; their next number is never so small.
  const count = head.readUInt32BE(4);
  if (magic !== 0xcafebabe || count === 0 || count > 16) return null;
  return darwin(Array.from({ length: count }, (_, index) => head.readUInt32BE(8 + 20 * index)));
}

function darwin(types: number[]): NativeBinary {
  const cpus = types.map((type) => MACH_CPUS[type] ?? `macho-${type}`);
  return { os: "darwin", cpus, libc: null, needs: [] };
}

function portableExecutable(head: Buffer, size: number): NativeBinary | null {
  if (head.readUInt16BE(0) !== 0x4d5a) return null;
  const at = head.readUInt32LE(60);
  if (at + 6 > size || head.readUInt32BE(at) !== 0x50450000) return null;
  const machine = head.readUInt16LE(at + 4);
  return { os: "win32", cpus: [PE_CPUS[machine] ?? `pe-${machine}`], libc: null, needs: [] };
}
