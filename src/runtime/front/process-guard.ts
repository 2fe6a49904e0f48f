import { spawn } from "node:child_process";

/** Waits for the end of its input, which comes when the front lets go of it in any way, SIGKILL included. */
// Without `--` before the group: dash takes that for a number and kills nothing.
const SCRIPT = 'read -r _; kill -9 "-$1" 2>/dev/null';

export interface Guard {
  /** The process has ended: what it forked ends now, too. */
  release(): void;
}

/**
 * A shell that kills a process group when this process is gone. A model that spins in its own code cannot see
 * its channel close; nobody else is left to end it.
 */
export function guardProcessGroup(pid: number): Guard {
  const shell = spawn("/bin/sh", ["-c", SCRIPT, "purlin-guard", String(pid)], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    env: {},
    cwd: "/",
  });
  // Without a shell (distroless images) the model process still ends when it sees its channel close.
  shell.on("error", () => undefined);
  shell.stdin.on("error", () => undefined);
  shell.unref();
  return { release: () => void shell.stdin.end() };
}
