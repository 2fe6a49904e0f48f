import { availableParallelism } from "node:os";
import type { ControlEvent, Generation } from "../../protocol/control.ts";
import type { FailedInfo, LoadedInfo } from "../channel/frames.ts";
import { ToModel } from "../channel/frames.ts";
import { crashReport } from "./crash-report.ts";
import { drained } from "./drained.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { Logger } from "./logger.ts";
import type { Metrics } from "./metrics.ts";
import { ModelProcess } from "./model-process.ts";
import { freePlace, placementEnv } from "./devices.ts";
import { readPackage, type FrontOptions, type PackageFiles } from "./options.ts";
import { ProcessStarts } from "./process-starts.ts";
import { Spare } from "./spare.ts";
import { swapAll } from "./swap-methods.ts";
import type { UserMetrics } from "./user-metrics.ts";

const MAX_FAILED_STARTS = 5;
/** After so many the pauses are longer than requests should wait. */
const PATIENT_STARTS = 3;
const BACKOFF_MS = [0, 500, 1000, 2000, 4000, 30_000] as const;
/** A process that served this long has proved that it can start. */
const STEADY_MS = 10_000;

export type PoolState = "loading" | "ready" | "restarting" | "failed" | "stopped";

export interface PoolOptions {
  front: FrontOptions;
  dispatcher: Dispatcher;
  logger: Logger;
  metrics: Metrics;
  userMetrics: UserMetrics;
  onReady: (loadMs: number) => void;
  onFailed: (info: FailedInfo & { reason: string }) => void;
  onCrashed: (reason: string) => void;
  onSpans: (payload: Buffer) => void;
  /** What a model process says to whoever started the runtime. */
  onEvent: (event: ControlEvent) => void;
}

interface LoadedGeneration {
  dir: string;
  /** File of the effective config; null for the package's own. */
  config: string | null;
  files: PackageFiles;
}

/** The model processes of a runtime: started, healed with back-off, replaced without losing requests. */
export class ProcessPool {
  state: PoolState = "loading";
  /** Why there is no model, once the state is failed. */
  failure = "";
  readonly #options: PoolOptions;
  /** Processes that are meant to end. */
  readonly #leaving = new WeakSet<ModelProcess>();
  #generation: LoadedGeneration;
  #processes = new Set<ModelProcess>();
  readonly #starts = new ProcessStarts();
  readonly #spare: Spare;
  #failedStarts = 0;
  #info: LoadedInfo | null = null;
  #nextWorker = 1;
  #environment: Record<string, unknown> | null;
  /** What each process was told of it last. */
  readonly #toldEnvironment = new WeakMap<ModelProcess, string>();
  #reloading: Promise<unknown> = Promise.resolve();
  /** Methods that are being put on the processes that serve; others join them after that. */
  #swapping: Promise<unknown> = Promise.resolve();

  constructor(options: PoolOptions, files: PackageFiles) {
    this.#options = options;
    this.#environment = options.front.environment;
    this.#generation = { dir: options.front.packageDir, config: options.front.config, files };
    this.#spare = new Spare({
      isWanted: () => this.state === "ready" && this.files.config.runtime.spare,
      spawn: () => this.#spawn(this.#generation),
      loaded: (process) => this.#started(process),
      discard: (process) => this.#discard(process),
      onFailed: ({ error, stack }) =>
        options.logger.log("warn", `The spare process could not be loaded: ${error}`, { stack }),
    });
  }

  get files(): PackageFiles {
    return this.#generation.files;
  }

  /** What the model offers, as the last process that loaded told. */
  get info(): LoadedInfo | null {
    return this.#info;
  }

  /**
   * While a served model restarts, requests wait for it (and a body that has ended it three times is told so); one
   * that was never ready, keeps ending or is given up takes none.
   */
  get takesRequests(): boolean {
    return this.state === "ready" || (this.state === "restarting" && this.#failedStarts <= PATIENT_STARTS);
  }

  /** Those that take requests now. */
  get ready(): ModelProcess[] {
    return [...this.#processes].filter(({ state }) => state === "ready");
  }

  get all(): ModelProcess[] {
    return [...this.#processes];
  }

  /** Starts the first processes; spawning them is the first thing a runtime does. */
  start(): void {
    const retries = this.#generation.files.config.runtime.load_retries;
    for (let i = 0; i < this.#workerCount; i++) {
      const first = this.#spawn(this.#generation);
      void this.#firstStart(first, retries);
    }
  }

  /** Is that the config in use? None given means the same as before. */
  usesConfig(config: string | undefined): boolean {
    return config === undefined || config === this.#generation.config;
  }

  /** Puts the methods of another generation on the loaded instances. */
  async swapMethods(wanted: Generation): Promise<{ processes: number }> {
    return this.#oneAtATime(async () => {
      const next = this.#read(wanted);
      const processes = this.ready;
      const spare = this.#spare.waiting;
      this.#swapping = swapAll(
        spare === null ? processes : [...processes, spare],
        { dir: next.dir, examples: wanted.examples },
        this.#generation.dir,
      );
      await this.#swapping;
      this.#info = processes[0]?.info ?? this.#info;
      this.#generation = next;
      // One that was loading has the code before.
      if (spare === null) this.#spare.renew();
      return { processes: processes.length };
    });
  }

  /** Loads new processes beside the old ones, then switches; the old ones finish what they have. */
  async replaceAll(wanted: Generation): Promise<{ processes: number; loadMs: number }> {
    return this.#oneAtATime(async () => {
      const generation = this.#read(wanted);
      const began = performance.now();
      const fresh = Array.from({ length: this.#workerCount }, () => this.#spawn(generation));
      try {
        await Promise.all(fresh.map((process) => this.#started(process)));
      } catch (error) {
        for (const process of fresh) this.#discard(process);
        throw error;
      }
      const old = [...this.#processes].filter(
        (process) => !fresh.includes(process) && !this.#spare.owns(process),
      );
      this.#generation = generation;
      this.#failedStarts = 0;
      for (const process of fresh) this.#takeIn(process);
      this.#spare.renew();
      for (const process of old) void this.#retire(process);
      return { processes: fresh.length, loadMs: performance.now() - began };
    });
  }

  /**
   * Loads a fresh process beside one that serves, which then finishes what it has and ends. Resolves once the fresh
   * one has taken over, with the end of the old one; null where there is nothing to replace any more.
   */
  async recycle(process: ModelProcess): Promise<{ ended: Promise<void> } | null> {
    return this.#oneAtATime(async () => {
      if (process.state !== "ready" || this.state !== "ready") return null;
      const fresh = await this.#loadOne().catch((error: FailedInfo) => {
        this.#startFailed(error);
        throw error;
      });
      // It may have ended meanwhile, and another one may have come for it.
      if (fresh === null || (this.#standing > this.#workerCount && process.state !== "ready")) {
        if (fresh !== null) this.#discard(fresh);
        return null;
      }
      this.#takeIn(fresh);
      return { ended: this.#retire(process) };
    });
  }

  /** User code in it does not end: a fresh one loads first, then this one gets the grace and is killed. */
  replaceStuck(process: ModelProcess): void {
    if (process.state === "dead" || this.#leaving.has(process)) return;
    this.#leaving.add(process);
    // A reload has brought others in its place already.
    if (process.state !== "ready") return this.#endStuck(process);
    process.state = "draining";
    this.#options.logger.log(
      "warn",
      "A cancelled request does not end; its model process is being replaced",
      { worker: process.worker },
    );
    this.#options.metrics.restart("cancelled-request");
    if (this.ready.length === 0) this.state = "restarting";
    void this.#loadAnother().then(() => this.#endStuck(process));
  }

  /** What else it has to do gets the grace. */
  #endStuck(process: ModelProcess): void {
    const graceMs = this.#generation.files.config.runtime.cancel_grace_seconds * 1000;
    setTimeout(() => process.kill(), process.jobs.size > 1 ? graceMs : 0);
  }

  /** One that is loading hears of it when it has loaded. */
  setEnvironment(environment: Record<string, unknown> | null): void {
    this.#environment = environment;
    for (const process of this.ready) this.#tellEnvironment(process);
  }

  /** A loaded process of the present code: the spare, or a fresh one; null where a reload has made it unneeded. */
  async #loadOne(): Promise<ModelProcess | null> {
    const spare = await this.#spare.take();
    if (spare !== null) return spare;
    const fresh = this.#spawn(this.#generation);
    try {
      await this.#started(fresh);
      return fresh;
    } catch (error) {
      const unneeded = this.#leaving.has(fresh);
      this.#discard(fresh);
      if (unneeded) return null;
      throw error;
    }
  }

  #tellEnvironment(process: ModelProcess): void {
    const text = JSON.stringify(this.#environment);
    if (this.#toldEnvironment.get(process) === text) return;
    this.#toldEnvironment.set(process, text);
    process.writer.json(ToModel.ENVIRONMENT, 0, this.#environment);
    process.writer.flush();
  }

  /** Ends all processes after their `shutdown()`. */
  async stop(): Promise<void> {
    this.state = "stopped";
    await Promise.all([...this.#processes].map((process) => this.#shutDown(process)));
  }

  kill(): void {
    this.state = "stopped";
    for (const process of this.#processes) process.kill();
  }

  async #firstStart(process: ModelProcess, retries: number): Promise<void> {
    try {
      await this.#started(process);
      await this.#join(process);
    } catch (error) {
      this.#discard(process);
      // A throw has been retried inside; a process that died in load gets its retries here.
      const info = error as FailedInfo;
      if (this.state === "stopped" || this.state === "failed") return;
      if (info.stage !== "exit" || retries <= 0) return this.#fail(info);
      this.#options.logger.log(
        "warn",
        `The model process ended while it loaded: ${info.error}; trying again`,
      );
      await this.#firstStart(this.#spawn(this.#generation), retries - 1);
    }
  }

  get #workerCount(): number {
    const wanted = this.#options.front.workers ?? this.#generation.files.config.runtime.workers;
    return wanted === "auto" ? availableParallelism() : wanted;
  }

  #read({ dir, config = this.#generation.config ?? undefined }: Generation): LoadedGeneration {
    const files = readPackage(dir, config ?? null);
    this.#options.logger.addSecrets(Object.keys(files.config.secrets));
    return { dir, config: config ?? null, files };
  }

  #spawn(generation: LoadedGeneration): ModelProcess {
    const { front, logger, dispatcher } = this.#options;
    const { config } = generation.files;
    const beside = this.all.filter(({ packageDir }) => packageDir === generation.dir);
    const place = freePlace(beside.filter((other) => !this.#leaving.has(other)));
    const process = new ModelProcess({
      worker: this.#nextWorker++,
      packageDir: generation.dir,
      config: generation.config,
      environment: this.#environment,
      validateOutput: front.development || config.runtime.validate_output,
      place,
      environmentVariables: {
        ...config.environment_variables,
        ...placementEnv(
          { place, workers: this.#workerCount, accelerator: config.resources.accelerator },
          { ...globalThis.process.env, ...config.environment_variables },
        ),
      },
      onFrame: (from, type, id, payload) => dispatcher.receive(from, { type, id }, payload),
      onLoaded: (loaded) => this.#starts.settle(loaded, null),
      onFailed: (failed, info) => this.#starts.settle(failed, info),
      onExit: (ended, reason) => this.#exited(ended, reason),
      onLine: (line, worker) => logger.modelLine(line, worker),
      onSpans: (payload) => this.#options.onSpans(payload),
      onEvent: (event) => this.#options.onEvent(event),
    });
    this.#processes.add(process);
    this.#toldEnvironment.set(process, JSON.stringify(this.#environment));
    return process;
  }

  #started(process: ModelProcess): Promise<void> {
    return this.#starts.wait(process, this.#generation.files.config.runtime.load_timeout_seconds);
  }

  /** Where a reload came while it loaded, it has the code before, or is one too many. */
  async #join(process: ModelProcess | null): Promise<void> {
    await this.#swapping.catch(() => undefined);
    if (process === null || this.state === "stopped") return;
    const isCurrent = process.packageDir === this.#generation.dir;
    const { length: others } = this.ready.filter(({ packageDir }) => packageDir === this.#generation.dir);
    if (isCurrent && others < this.#workerCount) return this.#takeIn(process);
    this.#discard(process);
    if (this.#standing < this.#workerCount) void this.#loadAnother();
  }

  async #loadAnother(): Promise<void> {
    try {
      await this.#join(await this.#loadOne());
    } catch (error) {
      this.#startFailed(error as FailedInfo);
    }
  }

  /** A loaded process begins to take requests. */
  #takeIn(process: ModelProcess | null): void {
    if (process === null || this.state === "stopped") return;
    if (process.state !== "loading" && process.state !== "spare") return;
    process.state = "ready";
    this.#tellEnvironment(process);
    const wasReady = this.state === "ready";
    this.state = "ready";
    this.#info = process.info;
    this.failure = "";
    const loadMs = process.info?.load_ms ?? 0;
    this.#options.metrics.loadSeconds = loadMs / 1000;
    this.#options.dispatcher.addProcess(process);
    if (!wasReady) this.#options.onReady(loadMs);
    setTimeout(() => {
      if (process.state === "ready") this.#failedStarts = 0;
    }, STEADY_MS).unref();
    if (this.ready.length >= this.#workerCount) this.#spare.keep();
  }

  #exited(process: ModelProcess, reason: string): void {
    this.#processes.delete(process);
    this.#options.userMetrics.keep(process.userMetrics);
    const wasServing = process.info !== null;
    this.#starts.settle(process, { error: `the model process ended: ${reason}`, stage: "exit" });
    const expected = this.state === "stopped" || this.#leaving.has(process);
    const lost = this.#options.dispatcher.processDied(process, reason, !expected);
    if (!expected || lost.length > 0) {
      const text = expected ? "was ended with requests in it" : `ended: ${reason}`;
      const level = expected ? "warn" : "error";
      this.#options.logger.log(level, `The model process ${text}`, crashReport(process, reason, lost));
    }
    if (expected) return;
    this.#options.metrics.restart(reason);
    if (this.#spare.owns(process)) return wasServing ? this.#spare.lost() : undefined;
    if (!wasServing) return;
    // One that has answered has proved that it can start; one that a request ended says nothing of that.
    if (process.hasAnswered) this.#failedStarts = 0;
    else if (lost.length > 0) this.#failedStarts = Math.min(this.#failedStarts, MAX_FAILED_STARTS - 1);
    this.#options.onCrashed(reason);
    if (this.state === "ready" || this.state === "restarting") this.#heal();
  }

  /** Processes of the present code that serve or are about to: a reload may have brought those that are needed. */
  get #standing(): number {
    const { dir } = this.#generation;
    const stands = (process: ModelProcess): boolean =>
      (process.state === "ready" || process.state === "loading") && process.packageDir === dir;
    return [...this.#processes].filter(
      (process) => stands(process) && !this.#leaving.has(process) && !this.#spare.owns(process),
    ).length;
  }

  #heal(): void {
    if (this.#standing >= this.#workerCount) return;
    if (this.ready.length === 0) this.state = "restarting";
    const pause = BACKOFF_MS[Math.min(this.#failedStarts, BACKOFF_MS.length - 1)] ?? 0;
    this.#failedStarts += 1;
    // Where others serve, one that cannot start is no reason to stop them.
    if (this.#failedStarts > MAX_FAILED_STARTS && this.ready.length === 0) {
      this.#fail({ error: "the model process keeps ending; its log has the reasons", stage: "exit" });
      return;
    }
    setTimeout(() => {
      if (this.state === "stopped" || this.#standing >= this.#workerCount) return;
      void this.#loadAnother();
    }, pause);
  }

  #startFailed(info: FailedInfo): void {
    if (this.state === "stopped") return;
    this.#options.logger.log("error", `The model could not be loaded again: ${info.error}`, {
      stack: info.stack,
    });
    this.#heal();
  }

  #fail(info: FailedInfo): void {
    this.state = "failed";
    // It is part of answers.
    this.failure = this.#options.logger.mask(info.error);
    this.#options.onFailed({ ...info, reason: info.stage });
  }

  #discard(process: ModelProcess): void {
    this.#leaving.add(process);
    this.#processes.delete(process);
    process.kill();
  }

  async #retire(process: ModelProcess): Promise<void> {
    process.state = process.state === "dead" ? "dead" : "draining";
    await drained(process, this.#generation.files.config.runtime.shutdown_timeout_seconds);
    await this.#shutDown(process);
  }

  async #shutDown(process: ModelProcess): Promise<void> {
    this.#leaving.add(process);
    // What is still loading has nothing to put away, and may be too busy to hear of it.
    if (process.info === null) process.kill();
    else await process.shutDown(12_000);
  }

  #oneAtATime<T>(run: () => Promise<T>): Promise<T> {
    const next = this.#reloading.then(run, run);
    this.#reloading = next.catch(() => undefined);
    return next;
  }
}
