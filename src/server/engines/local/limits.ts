import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Launcher } from "./sandbox.ts";

const ROOT = "/sys/fs/cgroup";
const PERIOD_US = 100_000;
/** A killed process is gone within milliseconds, unless it hangs in the kernel. */
const END_MS = 5000;
/** Tells the control groups its own number, then becomes the command. */
const JOIN = 'while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs" || exit 97; shift; done; shift; exec "$@"';

export interface Limited {
  /** Put before the command. */
  launcher: Launcher;
  /** The kernel has killed something in it for want of memory. */
  outOfMemory(): boolean;
  /** Kills whatever still runs in it, in whatever process group, and removes it. */
  end(): Promise<void>;
}

export interface LimitOptions {
  name: string;
  memoryBytes: number;
  cpus: number;
}

/** Which limits control groups can enforce here. */
export function limitsHere(): { memory: boolean; cpu: boolean; version: 1 | 2 | null } {
  if (process.platform !== "linux") return { memory: false, cpu: false, version: null };
  if (existsSync(join(ROOT, "cgroup.controllers"))) {
    const enabled = readText(join(ROOT, "cgroup.subtree_control")).split(/\s+/);
    const usable = isWritable(ROOT);
    return {
      memory: usable && enabled.includes("memory"),
      cpu: usable && enabled.includes("cpu"),
      version: 2,
    };
  }
  return { memory: isWritable(join(ROOT, "memory")), cpu: isWritable(join(ROOT, "cpu")), version: 1 };
}

/** A control group of its own for a replica; null where there are none to be had. */
export function limit({ name, memoryBytes, cpus }: LimitOptions): Limited | null {
  const possible = limitsHere();
  // All that the machine has is no limit, and a tenth of the throughput where it is enforced.
  const here = { ...possible, cpu: possible.cpu && cpus < availableParallelism() };
  if (!here.memory && !here.cpu) return null;
  const groups: string[] = [];
  try {
    if (here.version === 2) {
      const group = make(join(ROOT, name), groups);
      if (here.memory) writeFileSync(join(group, "memory.max"), String(memoryBytes));
      if (here.cpu) writeFileSync(join(group, "cpu.max"), `${Math.round(cpus * PERIOD_US)} ${PERIOD_US}`);
    } else {
      if (here.memory) {
        const group = make(join(ROOT, "memory", name), groups);
        writeFileSync(join(group, "memory.limit_in_bytes"), String(memoryBytes));
      }
      if (here.cpu) {
        const group = make(join(ROOT, "cpu", name), groups);
        writeFileSync(join(group, "cpu.cfs_period_us"), String(PERIOD_US));
        writeFileSync(join(group, "cpu.cfs_quota_us"), String(Math.round(cpus * PERIOD_US)));
      }
    }
  } catch {
    for (const group of groups) removeEmpty(group);
    return null;
  }
  return {
    launcher: { file: "/bin/sh", args: ["-c", JOIN, "sh", ...groups, "--"] },
    outOfMemory: () => groups.some((group) => killsIn(group) > 0),
    end: () => endGroups(groups),
  };
}

/** The control group that an earlier host has left for this replica, if any. */
export function leftControlGroup(replica: string): Pick<Limited, "end"> {
  const name = controlGroupName(replica);
  const places = [join(ROOT, name), join(ROOT, "memory", name), join(ROOT, "cpu", name)];
  return { end: () => endGroups(places.filter((place) => existsSync(place))) };
}

export function controlGroupName(replica: string): string {
  return `purlin-${replica}`;
}

function make(group: string, groups: string[]): string {
  mkdirSync(group);
  groups.push(group);
  return group;
}

async function endGroups(groups: readonly string[]): Promise<void> {
  const deadline = Date.now() + END_MS;
  for (const group of groups) {
    while (!removeEmpty(group) && Date.now() < deadline) {
      for (const pid of readText(join(group, "cgroup.procs")).split("\n")) {
        if (pid !== "") kill(Number(pid));
      }
      await delay(5);
    }
  }
}

/** True when it is gone. */
function removeEmpty(group: string): boolean {
  try {
    rmdirSync(group);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT";
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}

function killsIn(group: string): number {
  const text = readText(join(group, "memory.events")) + readText(join(group, "memory.oom_control"));
  return Number(/oom_kill (\d+)/.exec(text)?.[1] ?? 0);
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function isWritable(dir: string): boolean {
  try {
    accessSync(dir, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
