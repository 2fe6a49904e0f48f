import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** `ps` is a process of its own: not every second. */
const PS_EVERY_MS = 5000;

/** Tells the resident bytes of processes, what they have started included; those that are gone are left out. */
export type TreeMemory = (pids: readonly number[]) => Promise<Map<number, number>>;

/** Asked from outside: a process that computes cannot tell, and does not know what its children hold. */
export function treeMemory(): TreeMemory {
  return readResident("self") === null ? askPs() : async (pids) => new Map(pids.flatMap(fromProc));
}

/** What a process has started, and what that has started; 0 where there is no /proc to ask at once. */
export function descendantsMemory(pid: number): number {
  let sum = 0;
  const wanted = childrenOf(pid);
  for (let next = wanted.pop(); next !== undefined; next = wanted.pop()) {
    sum += readResident(String(next)) ?? 0;
    wanted.push(...childrenOf(next));
  }
  return sum;
}

function fromProc(pid: number): [number, number][] {
  const own = readResident(String(pid));
  return own === null ? [] : [[pid, own + descendantsMemory(pid)]];
}

function readResident(pid: string): number | null {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`))?.[1];
  return kilobytes === undefined ? null : Number(kilobytes) * 1024;
}

/** Each thread has those that it started. */
function childrenOf(pid: number): number[] {
  const lists = listed(`/proc/${pid}/task`).map((thread) => read(`/proc/${pid}/task/${thread}/children`));
  return lists.join(" ").split(/\s+/).filter(Boolean).map(Number);
}

/** For systems without /proc. */
export function askPs(): TreeMemory {
  let at = -Infinity;
  let last = new Map<number, number>();
  return async (pids) => {
    if (performance.now() - at >= PS_EVERY_MS) {
      at = performance.now();
      last = treesOf(await runPs(), pids);
    }
    return last;
  };
}

function runPs(): Promise<string> {
  return new Promise((resolve) => {
    // Without `ps` nothing is known, and nothing is replaced.
    execFile("ps", ["-A", "-o", "pid=,ppid=,rss="], (error, stdout) => resolve(error === null ? stdout : ""));
  });
}

/** From lines of pid, parent and resident kilobytes. */
export function treesOf(text: string, pids: readonly number[]): Map<number, number> {
  const own = new Map<number, number>();
  const children = new Map<number, number[]>();
  for (const line of text.split("\n")) {
    const [pid, parent, kilobytes] = line.trim().split(/\s+/).map(Number);
    if (pid === undefined || parent === undefined || kilobytes === undefined) continue;
    own.set(pid, kilobytes * 1024);
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const sum = (pid: number): number =>
    (children.get(pid) ?? []).reduce((total, child) => total + sum(child), own.get(pid) ?? 0);
  return new Map(pids.filter((pid) => own.has(pid)).map((pid) => [pid, sum(pid)]));
}

function listed(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    // It has ended.
    return [];
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    // It has ended, or this kernel does not tell.
    return "";
  }
}
