import { type ChildProcess, spawn } from "node:child_process";

/** Keeps the numbers of process groups and kills them when its stdin ends, whatever ended the other side. */
const SCRIPT = `
trap '' INT TERM HUP
groups=""
while read -r sign pid; do
  case "$sign" in
    +) groups="$groups $pid" ;;
    -) left=""; for each in $groups; do [ "$each" = "$pid" ] || left="$left $each"; done; groups="$left" ;;
  esac
done
for each in $groups; do kill -9 "-$each" 2>/dev/null; done
`;

/**
 * A tiny process that outlives this one by a moment: a host that is killed cannot end what it has started, and a model
 * that computes without a pause does not see its pipes close.
 */
export class Guard {
  readonly #name: string;
  readonly #groups = new Set<number>();
  #process: ChildProcess | null = null;
  #closed = false;

  /** `name` is shown in lists of processes. */
  constructor(name: string) {
    this.#name = name;
  }

  watch(group: number): void {
    this.#groups.add(group);
    if (this.#process === null) this.#start();
    else this.#tell(`+ ${group}`);
  }

  forget(group: number): void {
    if (this.#groups.delete(group)) this.#tell(`- ${group}`);
  }

  async close(): Promise<void> {
    this.#closed = true;
    const guard = this.#process;
    if (guard === null) return;
    const ended = new Promise((resolve) => guard.once("close", resolve));
    guard.ref();
    guard.stdin?.end();
    await ended;
  }

  #start(): void {
    const guard = spawn("/bin/sh", ["-c", SCRIPT, this.#name], {
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
      env: {},
    });
    this.#process = guard;
    guard.stdin?.on("error", () => undefined);
    guard.once("close", () => {
      this.#process = null;
      // Somebody has killed it: what it guarded is to be guarded on.
      if (!this.#closed && this.#groups.size > 0) this.#start();
    });
    guard.once("error", () => undefined);
    guard.unref();
    for (const group of this.#groups) this.#tell(`+ ${group}`);
  }

  #tell(line: string): void {
    this.#process?.stdin?.write(`${line}\n`);
  }
}
