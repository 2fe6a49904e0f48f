import { spawn, type ChildProcess } from "node:child_process";
import type { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { join } from "node:path";
import type { ControlEvent } from "../../protocol/control.ts";
import { PACKAGE_PATHS } from "../../protocol/manifest.ts";
import type { FrameWriter } from "../channel/frame-writer.ts";
import { STATS_INTERVAL_MS, ToFront, ToModel, type FailedInfo, type LoadedInfo } from "../channel/frames.ts";
import { openFrontEnd } from "../channel/open-channel.ts";
import { VISIBLE_DEVICES } from "./devices.ts";
import { describeExit } from "./describe-exit.ts";
import { JobTable } from "./job-table.ts";
import { JobQueue } from "./job-queue.ts";
import { modelEnv } from "./model-env.ts";
import { noteKernelOomKills } from "./kernel-oom.ts";
import { Lane } from "./lane.ts";
import { LineSplitter } from "./line-splitter.ts";
import { guardProcessGroup, type Guard } from "./process-guard.ts";
import { descendantsMemory } from "./tree-memory.ts";
import type { UserMetric } from "./user-metrics.ts";

const CALL_TIMEOUT_MS = 5000;
/** A scrape waits no longer for a model that computes. */
const METRICS_TIMEOUT_MS = 100;
/** A frame under way is no lag. */
const STATS_SLACK_MS = 100;
export interface ModelProcessInit {
  worker: number;
  /** See devices.ts. */
  place: number;
  packageDir: string;
  /** File of the effective config; null for the package's own. */
  config: string | null;
  environment: Record<string, unknown> | null;
  validateOutput: boolean;
  environmentVariables: Record<string, string>;
  onFrame: (process: ModelProcess, type: number, id: number, payload: Buffer) => void;
  onLoaded: (process: ModelProcess, info: LoadedInfo) => void;
  onFailed: (process: ModelProcess, info: FailedInfo) => void;
  onExit: (process: ModelProcess, reason: string) => void;
  onLine: (line: string, worker: number) => void;
  onSpans: (payload: Buffer) => void;
  onEvent: (event: ControlEvent) => void;
}

/** A process that runs user code, seen from the front. It is a process group of its own with a guard. */
export class ModelProcess {
  readonly worker: number;
  readonly place: number;
  /** What it sees of the accelerators; null for all. */
  readonly devices: string | null;
  /** Where the code that it runs lies. */
  packageDir: string;
  readonly writer: FrameWriter;
  /** Everything it has been given and not settled. */
  readonly jobs = new JobTable();
  readonly lane = new Lane();
  /** Jobs of this process that wait for a slot. */
  readonly wanting = new JobQueue();
  state: "loading" | "spare" | "ready" | "draining" | "dead" = "loading";
  info: LoadedInfo | null = null;
  rss = 0;
  /** Bytes right after its load, what that has started included; 0 before. */
  loadedBytes = 0;
  #lagMs = 0;
  #statsAt = 0;
  lastHealthy = true;
  hasAnswered = false;
  readonly started = performance.now();
  /** Of both its outputs, records among them, as they came. */
  readonly lastLines: string[] = [];
  exit: { code: number | null; signal: NodeJS.Signals | null } | null = null;
  /** As it gave them last. */
  userMetrics: UserMetric[] = [];
  #ending = false;
  readonly #child: ChildProcess;
  #guard: Guard | null = null;
  readonly #calls = new Map<number, (payload: Buffer | null) => void>();
  #nextCall = 1;

  constructor(init: ModelProcessInit) {
    this.worker = init.worker;
    this.place = init.place;
    this.devices = { ...process.env, ...init.environmentVariables }[VISIBLE_DEVICES] ?? null;
    this.packageDir = init.packageDir;
    const options = JSON.stringify({
      packageDir: init.packageDir,
      config: init.config,
      environment: init.environment,
      validateOutput: init.validateOutput,
    });
    this.#child = spawn(process.execPath, [join(init.packageDir, PACKAGE_PATHS.modelProcess), options], {
      // A group of its own: a terminal's Ctrl-C is the front's business, and what user code forks dies with it.
      detached: true,
      stdio: ["ignore", "pipe", "pipe", "pipe"],
      env: modelEnv(init.environmentVariables),
      cwd: init.packageDir,
    });
    const pipe = this.#child.stdio[3] as unknown as Duplex;
    const { socket, writer } = openFrontEnd(pipe, (type, id, payload) =>
      this.#receive(init, type, id, payload),
    );
    this.writer = writer;
    socket.on("error", () => undefined);
    const lines = new LineSplitter((line) => init.onLine(line, this.worker), this.lastLines);
    this.#child.stderr?.on("data", (chunk: Buffer) => lines.push(chunk));
    const outLines = new LineSplitter((line) => init.onLine(line, this.worker), this.lastLines);
    this.#child.stdout?.on("data", (chunk: Buffer) => outLines.push(chunk));
    let spawnError: Error | null = null;
    this.#child.on("error", (error) => {
      spawnError = error;
      if (this.#child.pid === undefined) this.#ended(init, `could not be started: ${error.message}`);
    });
    // What it said last must have been read, but a child that it forked may hold its pipes open.
    this.#child.on("exit", (code, signal) => {
      this.exit = { code, signal };
      this.#guard?.release();
      const ends = [socket, this.#child.stdout, this.#child.stderr].map(closed);
      const late = new Promise((resolve) => setTimeout(resolve, 200));
      void Promise.race([Promise.all(ends), late]).then(() => {
        lines.end();
        outLines.end();
        this.#ended(init, spawnError?.message ?? describeExit(code, signal, this.lastLines));
      });
    });
    setImmediate(() => {
      noteKernelOomKills();
      if (this.pid !== undefined && this.state !== "dead") this.#guard = guardProcessGroup(this.pid);
    });
  }

  /** One that is too busy to tell lags at least since its last word was due. */
  get lagMs(): number {
    const overdue = this.#statsAt === 0 ? 0 : performance.now() - this.#statsAt - STATS_INTERVAL_MS;
    return Math.max(this.#lagMs, overdue - STATS_SLACK_MS);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Calls of predict go to it in batches. */
  get batches(): boolean {
    return this.info?.batches === true;
  }

  /** Calls the process and waits for its answer; null when none came in time. */
  call(type: number, payload: unknown, timeoutMs = CALL_TIMEOUT_MS): Promise<Buffer | null> {
    if (this.state === "dead") return Promise.resolve(null);
    // Calls and requests share the channel's ids; calls count down from the top.
    const id = 0xffff_ffff - this.#nextCall;
    this.#nextCall = (this.#nextCall % 0xffff) + 1;
    return new Promise((resolve) => {
      const timer = setTimeout(() => finish(null), timeoutMs);
      const finish = (answer: Buffer | null): void => {
        clearTimeout(timer);
        this.#calls.delete(id);
        resolve(answer);
      };
      this.#calls.set(id, finish);
      if (payload === undefined) this.writer.empty(type, id);
      else this.writer.json(type, id, payload);
      this.writer.flush();
    });
  }

  /** Asks for the user metrics; one that is busy or ending keeps those it gave last. */
  async refreshUserMetrics(): Promise<void> {
    // A write to a process that has ended closes the channel, and what it said last is lost unread.
    if (this.#ending) return;
    const answer = await this.call(ToModel.METRICS, undefined, METRICS_TIMEOUT_MS);
    if (answer !== null && !this.#ending) this.#keepUserMetrics(answer);
  }

  /** Lets `shutdown()` run, then ends the process, whose last user metrics stay here. */
  async shutDown(timeoutMs: number): Promise<void> {
    this.#ending = true;
    const answer = await this.call(ToModel.SHUTDOWN, undefined, timeoutMs);
    if (answer === null) this.kill();
    else this.#keepUserMetrics(answer);
  }

  /** The whole group, at once. */
  kill(): void {
    if (this.pid === undefined) return;
    try {
      process.kill(-this.pid, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }

  /** null: its code throws; what it gave last stands. */
  #keepUserMetrics(payload: Buffer): void {
    this.userMetrics = (JSON.parse(payload.toString()) as UserMetric[] | null) ?? this.userMetrics;
  }

  #receive(init: ModelProcessInit, type: number, id: number, payload: Buffer): void {
    const call = this.#calls.get(id);
    if (call !== undefined) return call(Buffer.from(payload));
    switch (type) {
      case ToFront.LOADED:
        this.info = JSON.parse(payload.toString()) as LoadedInfo;
        return init.onLoaded(this, this.info);
      case ToFront.FAILED:
        return init.onFailed(this, JSON.parse(payload.toString()) as FailedInfo);
      case ToFront.BEGUN:
        this.lane.begun = payload.readUInt32LE(0);
        return;
      case ToFront.STATS:
        this.#lagMs = payload.readDoubleLE(0);
        this.#statsAt = performance.now();
        this.rss = payload.readDoubleLE(8);
        if (this.loadedBytes === 0) this.loadedBytes = this.rss + descendantsMemory(this.pid as number);
        return;
      case ToFront.SPANS:
        return init.onSpans(payload);
      case ToFront.EVENT:
        return init.onEvent(JSON.parse(payload.toString()) as ControlEvent);
      case ToFront.METRICS:
        return this.#keepUserMetrics(payload);
      case ToFront.HEALTH:
        // Too late for the probe that asked, and the model's opinion all the same.
        this.lastHealthy = payload.toString() === "true";
        return;
      default:
        init.onFrame(this, type, id, payload);
    }
  }

  #ended(init: ModelProcessInit, reason: string): void {
    if (this.state === "dead") return;
    this.state = "dead";
    for (const finish of this.#calls.values()) finish(null);
    init.onExit(this, reason);
  }
}

function closed(stream: EventEmitter | null): Promise<unknown> {
  if (stream === null || (stream as Socket).closed) return Promise.resolve();
  return new Promise((resolve) => stream.once("close", resolve));
}
