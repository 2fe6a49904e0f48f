/** What Linux tells about processes: CPU used, memory held, who is whose child. */
import { readdirSync, readFileSync } from "node:fs";

const TICKS_PER_SECOND = 100;

/** The process and all that descend from it. */
export function processTree(pid) {
  const children = new Map();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = statFields(name);
    if (stat === null) continue;
    const parent = Number(stat[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const found = [];
  const visit = (id) => {
    found.push(id);
    for (const child of children.get(id) ?? []) visit(child);
  };
  visit(pid);
  return found;
}

/** Seconds of CPU (user + system) used so far by these processes, children that have ended left out. */
export function cpuSeconds(pids) {
  return pids.reduce((sum, pid) => {
    const stat = statFields(pid);
    return stat === null ? sum : sum + (Number(stat[11]) + Number(stat[12])) / TICKS_PER_SECOND;
  }, 0);
}

/** Seconds that all cores together were not idle since boot, time stolen by the host included. */
export function machineBusySeconds() {
  const [line] = readFileSync("/proc/stat", "utf8").split("\n", 1);
  const [user, nice, system, , , irq, softirq, steal] = line.trim().split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softirq + steal) / TICKS_PER_SECOND;
}

/** MB that are in memory, shared pages counted at each of the processes. */
export function rssMegabytes(pids) {
  return pids.reduce((sum, pid) => {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return sum + Number(/^VmRSS:\s+(\d+) kB/m.exec(status)[1]) / 1000;
  }, 0);
}

/** MB by /proc/PID/smaps_rollup: shared pages divided by how many processes of the whole machine map them. */
export function pssMegabytes(pids) {
  return pids.reduce((sum, pid) => {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
    return sum + Number(/^Pss:\s+(\d+) kB/m.exec(rollup)[1]) / 1000;
  }, 0);
}

/**
 * PSS as it would be with these processes alone on the machine. The pages of the `node` binary are shared with
 * every other Node process here, the harness too, so plain PSS depends on the neighbours; this does not:
 * anonymous memory is added up, and each piece of a file counts once, at the process that holds most of it.
 */
export function pssAloneMegabytes(pids) {
  let anonymous = 0;
  const files = new Map();
  for (const pid of pids) {
    for (const mapping of readMappings(pid)) {
      anonymous += mapping.anonymous;
      if (mapping.file > 0) files.set(mapping.key, Math.max(files.get(mapping.key) ?? 0, mapping.file));
    }
  }
  const shared = [...files.values()].reduce((sum, size) => sum + size, 0);
  return (anonymous + shared) / 1000;
}

/** One entry a mapping, sizes in kB; the key is the same in every process that maps that piece of that file. */
function readMappings(pid) {
  const mappings = [];
  for (const line of readFileSync(`/proc/${pid}/smaps`, "utf8").split("\n")) {
    const head = /^[0-9a-f]+-[0-9a-f]+ \S+ (\S+) \S+ \S+\s*(.*)$/.exec(line);
    if (head !== null) {
      mappings.push({ key: `${head[2]}@${head[1]}`, anonymous: 0, file: 0 });
      continue;
    }
    const field = /^(Rss|Anonymous):\s+(\d+) kB/.exec(line);
    const mapping = mappings.at(-1);
    if (field === null || mapping === undefined) continue;
    if (field[1] === "Rss") mapping.file = Number(field[2]);
    else {
      mapping.anonymous = Number(field[2]);
      mapping.file -= mapping.anonymous;
    }
  }
  return mappings;
}

/** The fields after the command's name, which may hold spaces: [0] state, [1] parent, [11] utime, [12] stime. */
function statFields(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return null;
  }
}
