import { closeSync, openSync, readSync } from "node:fs";
import { elfNames } from "./elf-needs.ts";
import { machONames } from "./mach-o-names.ts";

/** "any": an addon of Node-API, which every Node loads. "building": for the Node that compiled it, which it does not tell. */
export type AddonAbi = "any" | "building" | number[];

/** With or without the underscore that macOS puts before names of C. */
const NODE_API = ["napi_register_module_v1", "napi_module_register", "node_api_module_get_api_version_v1"];
const OWN_ABI = /\0_?node_register_module_v(\d{1,4})(?=\0)/g;
const STATIC = "node_module_register";

/** Which Nodes can load an addon, told by the symbols in it; null for a file that is no addon. */
export function readAddonAbi(file: string): AddonAbi | null {
  return judge(readNames(file));
}

function judge(names: Buffer): AddonAbi | null {
  if (NODE_API.some((name) => has(names, name))) return "any";
  const abis = [...names.toString("latin1").matchAll(OWN_ABI)].map(([, abi]) => Number(abi));
  if (abis.length > 0) return [...new Set(abis)].sort((a, b) => a - b);
  return has(names, STATIC) ? "building" : null;
}

function has(names: Buffer, name: string): boolean {
  return names.includes(`\0${name}\0`, 0, "latin1") || names.includes(`\0_${name}\0`, 0, "latin1");
}

function readNames(file: string): Buffer {
  const fd = openSync(file, "r");
  try {
    const head = Buffer.alloc(4096);
    if (readSync(fd, head, 0, head.length, 0) < 64) return Buffer.alloc(0);
    const isElf = head.readUInt32BE(0) === 0x7f454c46;
    if (isElf) return head[4] === 2 && head[5] === 1 ? elfNames(fd, head) : Buffer.alloc(0);
    return machONames(fd, head);
  } finally {
    closeSync(fd);
  }
}
