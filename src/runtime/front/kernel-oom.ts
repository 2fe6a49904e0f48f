import { readFileSync } from "node:fs";

const ROOT = "/sys/fs/cgroup";
/** How often the kernel had killed in this control group when that was last looked at; null before. */
let seen: number | null = null;

/** To be called while nothing has been killed yet: later kills are told from these. */
export function noteKernelOomKills(): void {
  seen ??= countKills();
}

/** Has the kernel killed another process for want of memory? Each kill accounts for one process. */
export function kernelKilledForMemory(): boolean {
  if (seen === null || countKills() <= seen) return false;
  seen += 1;
  return true;
}

/** 0 where there are no control groups to ask, which is on every system but Linux. */
function countKills(): number {
  for (const line of read("/proc/self/cgroup").split("\n")) {
    const [, controllers = "", path = ""] = line.split(":");
    // Version 1 has a tree for memory, version 2 one for all; in a container the path may be the host's.
    if (controllers === "memory") return killsIn("memory", path, "memory.oom_control");
    if (controllers === "" && path !== "") return killsIn("", path, "memory.events");
  }
  return 0;
}

function killsIn(tree: string, path: string, file: string): number {
  const text = read(`${ROOT}/${tree}${path}/${file}`) || read(`${ROOT}/${tree}/${file}`);
  return Number(/^oom_kill (\d+)/m.exec(text)?.[1] ?? 0);
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    // Not there, or not for this user.
    return "";
  }
}
