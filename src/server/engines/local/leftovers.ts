import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { leftControlGroup } from "./limits.ts";
import { descendants, startTimeOf } from "./process-stats.ts";

const FILE = "pid";

/** Written beside a replica's socket: what a later host needs to end it, should this one not come to it. */
export function recordProcess(replicaDir: string, pid: number): void {
  writeFileSync(join(replicaDir, FILE), JSON.stringify({ pid, started: startTimeOf(pid) }));
}

/**
 * Ends what an earlier host with the same run folder has left, its guard having been killed, too. A number that has
 * been given to another process since then is not touched: the times of their starts differ.
 */
export function endLeftovers(runDir: string): void {
  for (const id of entriesOf(runDir)) {
    const record = readRecord(join(runDir, id, FILE));
    if (record !== null && startTimeOf(record.pid) === record.started) {
      for (const pid of descendants(record.pid).toReversed()) killIfSame(pid, startTimeOf(pid));
    }
    void leftControlGroup(id).end();
  }
}

/** Kills the process that began then, and none that has its number now. */
export function killIfSame(pid: number, started: string | null): void {
  if (started === null || startTimeOf(pid) !== started) return;
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}

function readRecord(file: string): { pid: number; started: string } | null {
  try {
    const record = JSON.parse(readFileSync(file, "utf8")) as { pid?: unknown; started?: unknown };
    if (!Number.isInteger(record.pid) || typeof record.started !== "string") return null;
    return { pid: record.pid as number, started: record.started };
  } catch {
    return null;
  }
}

function entriesOf(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}
