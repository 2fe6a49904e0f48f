import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../../protocol/config.ts";
import type { ControlEvent } from "../../protocol/control.ts";
import { MANIFEST_FILE, PACKAGE_PATHS, type PackageManifest } from "../../protocol/manifest.ts";
import { readBatch } from "../channel/batch-frame.ts";
import { ToFront, ToModel, type FailedInfo, type SwapRequest } from "../channel/frames.ts";
import { openModelEnd } from "../channel/open-channel.ts";
import { readVitals } from "../channel/read-vitals.ts";
import type { CpuProfile } from "./cpu-profile.ts";
import { captureConsole } from "./capture-console.ts";
import { Executor } from "./executor.ts";
import { guardFetch, remedy, UNREAD_BODY_HINT } from "./guard-fetch.ts";
import { swapMethods } from "./hot-swap.ts";
import { loadedInfo } from "./loaded-info.ts";
import { loadModel, LoadError, setupEnvironment, type LoadedModel } from "./load-model.ts";
import { jobTraces } from "./job-trace.ts";
import { loadTracing } from "./load-tracing.ts";
import { loadCpuProfile, loadDebugging } from "./load-debugging.ts";
import { log } from "./log.ts";
import { ModelSockets } from "./model-sockets.ts";
import { requestScope } from "./request-scope.ts";
import { describeSchema } from "./schema.ts";
import { reportStats } from "./report-stats.ts";
import type { Tracing } from "./tracing.ts";
import { collectUserMetrics } from "./user-metrics.ts";
import { describeThrown } from "./user-error.ts";

/** What the front passes on the command line, as JSON. */
export interface ModelProcessOptions {
  packageDir: string;
  /** File of the effective config; null for the package's own. */
  config: string | null;
  environment: Record<string, unknown> | null;
  validateOutput: boolean;
}

const CHANNEL_FD = 3;
const SHUTDOWN_MS = 10_000;

const options = JSON.parse(process.argv[2] as string) as ModelProcessOptions;
const config = configOf(options.packageDir);
const manifest = readJson<PackageManifest>(join(options.packageDir, MANIFEST_FILE));
const { socket, writer } = openModelEnd(CHANNEL_FD, receive);
const executor = new Executor({
  writer,
  concurrency: config.runtime.predict_concurrency,
  isolateErrors: config.runtime.batching?.isolate_errors === true,
  validateOutput: options.validateOutput,
});
const sockets = new ModelSockets(writer, () => model);
let model: LoadedModel | null = null;
let tracing: Tracing | null = null;
let cpuProfile: CpuProfile | null = null;

// The front is gone: nobody waits for this process any more.
socket.on("end", () => process.exit(0));
socket.on("close", () => process.exit(0));
socket.on("error", () => process.exit(0));
// The front decides when this process ends; a terminal's signals are for the front.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
process.on("unhandledRejection", (reason) => {
  const { message, stack } = describeThrown(reason);
  log("error", `Unhandled rejection: ${message}`, { code: "UNHANDLED_REJECTION", stack });
});
process.on("uncaughtExceptionMonitor", (error) => {
  const { message, stack } = describeThrown(error);
  log("error", `Uncaught exception: ${message}`, { code: "UNCAUGHT_EXCEPTION", stack, ...remedy(error) });
});
// Node would print its own account below ours.
process.on("uncaughtException", () => process.exit(1));

// The last word of a process that ends by itself: what is finished, and what has begun.
process.on("exit", () => {
  cpuProfile?.end();
  tracing?.flush();
  writer.u32(ToFront.BEGUN, 0, executor.begun);
  writer.flush();
});

captureConsole();
guardFetch(() => log("warn", UNREAD_BODY_HINT, { code: "UNREAD_BODY" }));
void start();

async function start(): Promise<void> {
  const began = performance.now();
  tracing = await loadTracing({ env: process.env, writer, requestScope });
  jobTraces.start = tracing?.start ?? null;
  try {
    await loadDebugging({ env: process.env, tell });
    model = await loadModel({
      packageDir: options.packageDir,
      config,
      environment: options.environment,
      source: manifest.entry.source,
      validateOutput: options.validateOutput,
      tell,
    });
  } catch (error) {
    fail(error);
    return;
  }
  executor.use(model.instance, model.shape);
  cpuProfile = await loadCpuProfile({ env: process.env, tell, name: config.model_name });
  writer.json(ToFront.LOADED, 0, loadedInfo(model, performance.now() - began));
  writer.flush();
  reportStats(writer, () => executor.settled);
}

function fail(error: unknown): void {
  const info: FailedInfo = {
    error: error instanceof Error ? error.message : String(error),
    stage: "internal",
  };
  if (error instanceof LoadError) {
    info.stage = error.stage;
    if (error.userStack !== undefined) info.stack = error.userStack;
  }
  writer.json(ToFront.FAILED, 0, info);
  writer.flush();
}

function receive(type: number, id: number, payload: Buffer): void {
  switch (type) {
    case ToModel.REQUEST:
      if (payload[0] === ModelSockets.METHOD) return sockets.open(id, payload);
      return executor.receive(id, payload);
    case ToModel.BODY:
      return executor.job(id)?.body?.push(payload);
    case ToModel.BODY_END:
      return executor.job(id)?.body?.end();
    case ToModel.GO:
      return executor.go(id);
    case ToModel.BATCH:
      return executor.batch(id, readBatch(payload));
    case ToModel.CANCEL:
      executor.cancel(id, payload[0] as number);
      return writer.flush();
    case ToModel.CREDIT:
      return credit(id, payload.readUInt32LE(0));
    case ToModel.HEALTH:
      return void health(id);
    case ToModel.METRICS:
      return void collectUserMetrics().then((metrics) => reply(ToFront.METRICS, id, metrics));
    case ToModel.SCHEMA:
      return reply(ToFront.SCHEMA, id, model === null ? null : describeSchema(model.shape));
    case ToModel.VITALS:
      return reply(ToFront.VITALS, id, readVitals());
    case ToModel.SWAP:
      return void swap(id, JSON.parse(payload.toString()) as SwapRequest);
    case ToModel.ENVIRONMENT:
      return void environmentChanged(JSON.parse(payload.toString()));
    case ToModel.SHUTDOWN:
      return void shutdown(id);
    case ToModel.WS_MESSAGE:
      return sockets.message(id, payload);
    case ToModel.WS_CLOSE:
      return sockets.closed(id, payload);
  }
}

/** Whoever started the runtime. */
function tell(event: ControlEvent): void {
  writer.json(ToFront.EVENT, 0, event);
  writer.flush();
}

function reply(type: number, id: number, value: unknown): void {
  writer.json(type, id, value);
  writer.flush();
}

function credit(id: number, bytes: number): void {
  const job = executor.job(id);
  if (job === undefined) return sockets.credit(id, bytes);
  job.credit += bytes;
  job.wake?.();
}

async function health(id: number): Promise<void> {
  let healthy = false;
  try {
    healthy = Boolean(await ((model as LoadedModel).instance as { isHealthy(): unknown }).isHealthy());
  } catch (error) {
    const { message, stack } = describeThrown(error);
    log("error", `Exception while checking if the model is healthy: ${message}`, { stack });
  }
  if (!healthy) log("warn", "Health check failed.");
  reply(ToFront.HEALTH, id, healthy);
}

async function swap(id: number, { dir, examples }: SwapRequest): Promise<void> {
  try {
    const swapped = await swapMethods(model as LoadedModel, {
      packageDir: dir,
      source: manifest.entry.source,
      config: { ...config, examples: configOf(dir).examples },
      examples,
      tell,
      validateOutput: options.validateOutput,
      turn: () => executor.turn(),
    });
    model = swapped;
    executor.use(swapped.instance, swapped.shape);
    reply(ToFront.SWAPPED, id, { ok: true, loaded: loadedInfo(swapped, 0) });
  } catch (error) {
    const { userStack: stack, stage } = error instanceof LoadError ? error : {};
    reply(ToFront.SWAPPED, id, { ok: false, error: (error as Error).message, stage, stack });
  }
}

/** The file of the effective config, which stays the same one, or that of a package. */
function configOf(packageDir: string): Config {
  return readJson<Config>(options.config ?? join(packageDir, PACKAGE_PATHS.config));
}

async function environmentChanged(environment: unknown): Promise<void> {
  if (model?.shape.methods.has("setupEnvironment") === true)
    await setupEnvironment(model.instance, environment);
}

async function shutdown(id: number): Promise<void> {
  const hook = (model?.instance as { shutdown?(): unknown } | undefined)?.shutdown;
  if (typeof hook === "function") {
    const timeout = setTimeout(() => {
      log("error", "shutdown() took longer than 10 s and was cut off.");
      process.exit(0);
    }, SHUTDOWN_MS);
    try {
      await hook.call(model?.instance);
    } catch (error) {
      const { message, stack } = describeThrown(error);
      log("error", `shutdown() failed: ${message}`, { stack });
    }
    clearTimeout(timeout);
  }
  cpuProfile?.end();
  tracing?.flush();
  reply(ToFront.METRICS, id, await collectUserMetrics());
  socket.end(() => process.exit(0));
}

function readJson<T>(file: string): T {
  return JSON.parse(readFileSync(file, "utf8")) as T;
}
