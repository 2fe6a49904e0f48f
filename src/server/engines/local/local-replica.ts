import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Address } from "../../../protocol/address.ts";
import type { ControlEvent, Generation } from "../../../protocol/control.ts";
import { RUNTIME_ENV } from "../../../protocol/runtime-env.ts";
import type { RunningRuntime } from "../../../supervise/running-runtime.ts";
import { startRuntime } from "../../../supervise/start-runtime.ts";
import { LineSplitter } from "../../../util/line-splitter.ts";
import type { Guard } from "./guard.ts";
import { killIfSame, recordProcess } from "./leftovers.ts";
import { controlGroupName, limit, type Limited } from "./limits.ts";
import { descendants, processStats, startTimeOf } from "./process-stats.ts";
import type { Replica, ReplicaHooks, ReplicaSpec } from "./replica.ts";
import { bubblewrap, type Launcher } from "./sandbox.ts";
import { writeSecretFiles } from "./secret-files.ts";

/** What a config asks for is the model's; the front of the runtime comes on top. */
const FRONT_BYTES = 96 * 1024 * 1024;
const FRONT_CPUS = 0.5;

/** What the replicas of one engine share. */
export interface ReplicaPlace {
  /** Folder with a folder for each replica. */
  base: string;
  bwrap: string | null;
  guard: Guard;
}

/** The packed runtime as a process group of this machine, in a sandbox and a control group where there are any. */
export class LocalReplica implements Replica {
  readonly id: string;
  readonly place: string;
  readonly listening: Promise<Address>;
  readonly ready: Promise<{ load_ms: number }>;
  readonly exited: Promise<{ reason: string }>;
  readonly #runtime: RunningRuntime;
  readonly #secretsDir: string;
  readonly #limited: Limited | null;
  #lastCrash: string | null = null;
  #ended = false;
  /** Processes with the times of their starts, noted when they were to be killed. */
  readonly #killed = new Map<number, string | null>();

  constructor(spec: ReplicaSpec, hooks: ReplicaHooks, { base, bwrap, guard }: ReplicaPlace) {
    this.id = spec.id;
    const dir = join(base, spec.id);
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    this.#secretsDir = join(dir, "secrets");
    writeSecretFiles(this.#secretsDir, spec.secrets);
    this.#limited = limit({
      name: controlGroupName(spec.id),
      memoryBytes: spec.resources.memoryBytes + FRONT_BYTES,
      cpus: spec.resources.cpus + FRONT_CPUS,
    });
    // Beside the folder that the replica may write to.
    const configFile = join(base, `${spec.id}.json`);
    writeFileSync(configFile, JSON.stringify(spec.config), { mode: 0o600 });
    const shown = [configFile, ...spec.variantDirs];
    const view = { packageDir: spec.packageDir, shown, runDir: dir };
    const command = chain(this.#limited?.launcher ?? null, bwrap === null ? null : bubblewrap(bwrap, view));
    const lines = { stdout: new LineSplitter(hooks.onLine), stderr: new LineSplitter(hooks.onLine) };
    this.#runtime = startRuntime({
      packageDir: spec.packageDir,
      listen: { socket: join(dir, "s") },
      cleanEnv: true,
      env: {
        [RUNTIME_ENV.config]: configFile,
        [RUNTIME_ENV.environment]: JSON.stringify(spec.environmentInfo),
        [RUNTIME_ENV.secretsDir]: this.#secretsDir,
        [RUNTIME_ENV.mode]: spec.development ? "development" : "production",
        [RUNTIME_ENV.logFormat]: "json",
        HOME: "/tmp",
        TMPDIR: "/tmp",
      },
      ...(command === null ? {} : { command }),
      stdout: "pipe",
      stderr: "pipe",
      onOutput: (stream, text) => lines[stream].push(text),
      onEvent: (event) => this.#heard(event, hooks),
    });
    if (this.#pid !== null) {
      guard.watch(this.#pid);
      recordProcess(dir, this.#pid);
    }
    this.place = this.#pid === null ? "no process" : `process ${this.#pid}`;
    // Where it was told to listen: what it says itself is not to be believed.
    const address: Address = { kind: "unix", path: join(dir, "s") };
    this.listening = this.#runtime.listening.then(() => address);
    this.listening.catch(() => undefined);
    this.ready = this.#runtime.ready;
    this.exited = this.#runtime.exited.then(async ({ code, signal }) => {
      this.#ended = true;
      guard.forget(this.#runtime.pid);
      for (const splitter of Object.values(lines)) splitter.end();
      const killed = this.#limited?.outOfMemory() === true ? "out of memory" : null;
      // A model process that computes without a pause is a group of its own and may be left for a moment.
      for (const [pid, started] of this.#killed) killIfSame(pid, started);
      await this.#limited?.end();
      rmSync(dir, { recursive: true, force: true });
      rmSync(configFile, { force: true });
      return {
        reason:
          killed ?? (signal === null ? (this.#lastCrash ?? `exit code ${code}`) : `killed by ${signal}`),
      };
    });
  }

  get #pid(): number | null {
    return this.#runtime.pid === -1 ? null : this.#runtime.pid;
  }

  setSecrets(secrets: Record<string, string>): void {
    if (!this.#ended) writeSecretFiles(this.#secretsDir, secrets);
  }

  async swapMethods(generation: Generation): Promise<void> {
    await this.#runtime.reload(generation, "methods", { strict: true });
  }

  stop({ graceMs }: { graceMs?: number } = {}): Promise<void> {
    if (graceMs === 0) {
      if (this.#pid !== null)
        for (const pid of descendants(this.#pid)) this.#killed.set(pid, startTimeOf(pid));
      return this.#runtime
        .stop({ signal: "SIGKILL" })
        .then(() => this.exited)
        .then(() => undefined);
    }
    return this.#runtime.stop(graceMs === undefined ? {} : { graceMs });
  }

  stats(): { rssBytes: number; cpuSeconds: number } | null {
    return this.#ended || this.#pid === null ? null : processStats(this.#pid);
  }

  #heard(event: ControlEvent, hooks: ReplicaHooks): void {
    if (event.type === "crashed") {
      const reason = this.#limited?.outOfMemory() === true ? "out of memory" : event.reason;
      this.#lastCrash = reason;
      hooks.onEvent({ ...event, reason });
    } else hooks.onEvent(event);
  }
}

/** One launcher that starts the next. */
function chain(...launchers: (Launcher | null)[]): Launcher | null {
  const [first, ...rest] = launchers.filter((launcher) => launcher !== null);
  if (first === undefined) return null;
  return { file: first.file, args: [...first.args, ...rest.flatMap(({ file, args }) => [file, ...args])] };
}
