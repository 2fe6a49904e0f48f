import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ControlEvent, Generation } from "../../../protocol/control.ts";
import { MAX_UNIX_SOCKET_PATH_BYTES, RUNTIME_ENV } from "../../../protocol/runtime-env.ts";
import type { RunningRuntime } from "../../../supervise/running-runtime.ts";
import { startRuntime } from "../../../supervise/start-runtime.ts";
import type { Engine, Replica, ReplicaHooks, ReplicaSpec } from "../../engine.ts";
import { Guard } from "./guard.ts";
import { LineSplitter } from "../../../util/line-splitter.ts";
import { endLeftovers, killIfSame, recordProcess } from "./leftovers.ts";
import { controlGroupName, limit, type Limited, limitsHere } from "./limits.ts";
import { descendants, processStats, startTimeOf } from "./process-stats.ts";
import { bubblewrap, findBubblewrap, type Launcher } from "./sandbox.ts";
import { writeSecretFiles } from "./secret-files.ts";

/** The longest name of a socket below the run folder: /<replica>/s */
const SOCKET_NAME_BYTES = 40;

/** What a config asks for is the model's; the front of the runtime comes on top. */
const FRONT_BYTES = 96 * 1024 * 1024;
const FRONT_CPUS = 0.5;

export interface LocalEngineOptions {
  /** For sockets and secrets of replicas; emptied at the start. */
  runDir: string;
  /** `false`: no bubblewrap, even where there is one. */
  sandbox?: boolean;
}

/** Replicas as processes of this machine: the packed runtime, in a process group of its own for each. */
export function createLocalEngine({ runDir, sandbox = true }: LocalEngineOptions): Engine {
  const base = shortFolder(runDir);
  const bwrap = sandbox ? findBubblewrap() : null;
  const guard = new Guard(base);
  const replicas = new Set<LocalReplica>();
  return {
    name: "local",
    async isolation() {
      const here = limitsHere();
      return [
        "Each replica is a process group of its own, gets nothing of the host's environment, and ends with the host.",
        bwrap === null
          ? "No sandbox: a model can read what this user can read. Install bubblewrap to change that."
          : "Sandbox (bubblewrap): a model sees the system read-only, its own package and its own secrets, and no other process.",
        here.memory
          ? `Memory is limited to resources.memory (control groups, version ${here.version}).`
          : "Memory is not limited: no control groups that this user may use.",
        here.cpu
          ? `Processor time is limited to resources.cpu (control groups, version ${here.version}).`
          : "Processor time is not limited: no control groups that this user may use.",
        "The network is not limited.",
      ];
    },
    start(spec, hooks) {
      const replica = new LocalReplica(spec, hooks, { base, bwrap, guard });
      replicas.add(replica);
      void replica.exited.then(() => replicas.delete(replica));
      return replica;
    },
    async close() {
      await Promise.all([...replicas].map((replica) => replica.stop({ graceMs: 0 })));
      await guard.close();
      rmSync(base, { recursive: true, force: true });
    },
  };
}

interface Surroundings {
  base: string;
  bwrap: string | null;
  guard: Guard;
}

class LocalReplica implements Replica {
  readonly id: string;
  readonly listening: Promise<string>;
  readonly ready: Promise<{ load_ms: number }>;
  readonly exited: Promise<{ reason: string }>;
  readonly #runtime: RunningRuntime;
  readonly #secretsDir: string;
  readonly #limited: Limited | null;
  #lastCrash: string | null = null;
  #ended = false;
  /** Processes with the times of their starts, noted when they were to be killed. */
  readonly #killed = new Map<number, string | null>();

  constructor(spec: ReplicaSpec, hooks: ReplicaHooks, { base, bwrap, guard }: Surroundings) {
    this.id = spec.id;
    const dir = join(base, spec.id);
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    this.#secretsDir = join(dir, "secrets");
    writeSecretFiles(this.#secretsDir, spec.secrets);
    this.#limited = limit({
      name: controlGroupName(spec.id),
      memoryBytes: spec.memoryBytes + FRONT_BYTES,
      cpus: spec.cpus + FRONT_CPUS,
    });
    const shown = spec.variantsDir === null ? [] : [spec.variantsDir];
    const view = { packageDir: spec.packageDir, shown: [spec.configFile, ...shown], runDir: dir };
    const command = chain(this.#limited?.launcher ?? null, bwrap === null ? null : bubblewrap(bwrap, view));
    const lines = { stdout: new LineSplitter(hooks.onLine), stderr: new LineSplitter(hooks.onLine) };
    this.#runtime = startRuntime({
      packageDir: spec.packageDir,
      listen: { socket: join(dir, "s") },
      cleanEnv: true,
      env: {
        [RUNTIME_ENV.config]: spec.configFile,
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
    if (this.pid !== null) {
      guard.watch(this.pid);
      recordProcess(dir, this.pid);
    }
    this.listening = this.#runtime.listening;
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
      return {
        reason:
          killed ?? (signal === null ? (this.#lastCrash ?? `exit code ${code}`) : `killed by ${signal}`),
      };
    });
  }

  get pid(): number | null {
    return this.#runtime.pid === -1 ? null : this.#runtime.pid;
  }

  setEnvironment(environment: Record<string, unknown>): void {
    if (!this.#ended) this.#runtime.setEnvironment(environment);
  }

  setSecrets(secrets: Record<string, string>): void {
    if (!this.#ended) writeSecretFiles(this.#secretsDir, secrets);
  }

  async swapMethods(generation: Generation): Promise<void> {
    await this.#runtime.reload(generation, "methods", { strict: true });
  }

  stop({ graceMs }: { graceMs?: number } = {}): Promise<void> {
    if (graceMs === 0) {
      if (this.pid !== null) for (const pid of descendants(this.pid)) this.#killed.set(pid, startTimeOf(pid));
      return this.#runtime
        .stop({ signal: "SIGKILL" })
        .then(() => this.exited)
        .then(() => undefined);
    }
    return this.#runtime.stop(graceMs === undefined ? {} : { graceMs });
  }

  stats(): { rssBytes: number; cpuSeconds: number } | null {
    return this.#ended || this.pid === null ? null : processStats(this.pid);
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

/**
 * A path of a socket has a limit: where the data folder lies deep, sockets lie in a short private folder instead,
 * always the same one, so that a later host finds what is left in it.
 */
function shortFolder(runDir: string): string {
  const isShort = Buffer.byteLength(runDir) + SOCKET_NAME_BYTES < MAX_UNIX_SOCKET_PATH_BYTES;
  const name = `purlin-${createHash("sha256").update(runDir).digest("hex").slice(0, 12)}`;
  const base = isShort ? runDir : join(tmpdir(), name);
  if (!isShort && isForeign(base)) return mkdtempSync(join(tmpdir(), "purlin-"));
  endLeftovers(base);
  rmSync(base, { recursive: true, force: true });
  mkdirSync(base, { recursive: true, mode: 0o700 });
  return base;
}

/** The folder for temporary files is everybody's: somebody else's folder, or a link, is not to be trusted. */
function isForeign(dir: string): boolean {
  const found = lstatSync(dir, { throwIfNoEntry: false });
  return found !== undefined && (!found.isDirectory() || found.uid !== process.getuid?.());
}
