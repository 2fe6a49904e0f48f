/** Every process that the bench starts is in this list until it has ended; whatever is left at the end is killed. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { processTree } from "./proc.mjs";

const running = new Set();

export function startChild(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"], ...options });
  running.add(child);
  child.on("exit", () => running.delete(child));
  return child;
}

/** SIGTERM, and SIGKILL for the whole tree when it has not ended after 5 s. */
export async function stopChild(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const tree = processTree(child.pid);
  const killer = setTimeout(() => tree.forEach(killQuietly), 5000);
  child.kill("SIGTERM");
  await once(child, "exit");
  clearTimeout(killer);
  tree.slice(1).forEach(killQuietly);
}

export function killAll() {
  for (const child of running) processTree(child.pid).forEach(killQuietly);
}

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    killAll();
    process.exit(signal === "SIGINT" ? 130 : 143);
  });
}
process.on("exit", killAll);

/** Only ever called with a child of ours that has not been waited for, or one of its descendants seen alive. */
function killQuietly(pid) {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended already.
  }
}
