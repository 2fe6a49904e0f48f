import { readFileSync } from "node:fs";

const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;

/** Memory and processor time of a process and all below it; null where the system does not tell. Linux only. */
export function processStats(pid: number): { rssBytes: number; cpuSeconds: number } | null {
  if (process.platform !== "linux") return null;
  const total = { rssBytes: 0, cpuSeconds: 0 };
  for (const each of descendants(pid)) {
    try {
      const stat = readFileSync(`/proc/${each}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      total.cpuSeconds += (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
      total.rssBytes += Number(fields[21]) * PAGE_BYTES;
    } catch {
      // It has ended meanwhile.
    }
  }
  return total;
}

export function descendants(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    return [
      pid,
      ...(children === "" ? [] : children.split(" ").flatMap((child) => descendants(Number(child)))),
    ];
  } catch {
    return [];
  }
}

/** When a process began, in ticks since the start of the system: with its number it names one process for good. */
export function startTimeOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch {
    return null;
  }
}
