import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { promisify } from "node:util";

export interface TreeProcess {
  pid: number;
  parent: number;
  /** As it was started, cut off where it is long. */
  command: string;
}

const MOST_COMMAND = 200;

/** What a process has started, and what those have, in no order. */
export async function descendantsOf(pid: number): Promise<TreeProcess[]> {
  const all = process.platform === "linux" ? fromProc() : await fromPs();
  const found: TreeProcess[] = [];
  const wanted = [pid];
  for (let next = wanted.pop(); next !== undefined; next = wanted.pop()) {
    const children = all.filter(({ parent }) => parent === next);
    found.push(...children);
    wanted.push(...children.map((child) => child.pid));
  }
  return found;
}

function fromProc(): TreeProcess[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, "utf8");
        // Behind the name, which may hold anything: state and parent.
        const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        if (state === "Z") return [];
        const command = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ").trim();
        return [{ pid: Number(name), parent: Number(parent), command: command.slice(0, MOST_COMMAND) }];
      } catch {
        // It ended while it was being read.
        return [];
      }
    });
}

async function fromPs(): Promise<TreeProcess[]> {
  const { stdout } = await promisify(execFile)("ps", ["-A", "-o", "pid=,ppid=,args="]);
  return stdout.split("\n").flatMap((line) => {
    const [, pid, parent, command = ""] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return pid === undefined
      ? []
      : [{ pid: Number(pid), parent: Number(parent), command: command.slice(0, MOST_COMMAND) }];
  });
}
