/** Two benches at once measure each other: the second one waits for the first. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const LOCK = join(tmpdir(), "purlin-bench.pid");

/** Returns when this process holds the lock; it is given back when the process ends. */
export async function waitForTurn() {
  for (let told = false; !tryLock(); told = true) {
    if (!told) console.error("another bench is running; waiting for it to end");
    await delay(500);
  }
  process.on("exit", () => rmSync(LOCK, { force: true }));
}

function tryLock() {
  try {
    writeFileSync(LOCK, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  }
  if (!isRunning(holder())) rmSync(LOCK, { force: true });
  return false;
}

function holder() {
  try {
    return Number(readFileSync(LOCK, "utf8"));
  } catch {
    return 0;
  }
}

function isRunning(pid) {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}
