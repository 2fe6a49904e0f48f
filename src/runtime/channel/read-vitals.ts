import { readdirSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Vitals } from "../../protocol/control.ts";

/** Of this process, which stands still meanwhile. */
export function readVitals(): Omit<Vitals, "worker"> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  // The first one lets go of what has a finaliser, the second one of what that held.
  collect();
  collect();
  const { heapUsed, external, rss } = process.memoryUsage();
  return {
    pid: process.pid,
    retained: heapUsed + external,
    resident: rss,
    files: countFiles(),
    handles: process.getActiveResourcesInfo().length,
  };
}

function countFiles(): number | null {
  try {
    return readdirSync("/dev/fd").length;
  } catch {
    // Windows, or a container without it.
    return null;
  }
}
