import { writeSync } from "node:fs";
import { collectVitals } from "./collect-vitals.ts";
import { ControlChannel } from "./control-channel.ts";
import { Dispatcher } from "./dispatcher.ts";
import { HttpServer } from "./http-server.ts";
import { listen, ListenError } from "./listen.ts";
import { Logger } from "./logger.ts";
import { MemoryWatch } from "./memory-watch.ts";
import { Metrics } from "./metrics.ts";
import { OptionsError, readOptions, readPackage, type FrontOptions, type PackageFiles } from "./options.ts";
import { Poison } from "./poison.ts";
import { ProcessPool } from "./process-pool.ts";
import type { ControlRequest } from "../../protocol/control.ts";
import type { RequestDone } from "./request-done.ts";
import { loadTelemetry } from "./load-telemetry.ts";
import type { Telemetry } from "./telemetry.ts";
import { UserMetrics } from "./user-metrics.ts";
import { writeAllMetrics } from "./write-all-metrics.ts";

/** For a reader of the log that has fallen behind, at the end. */
const LAST_WORDS_MS = 2000;

type ReloadRequest = Extract<ControlRequest, { type: "reload" }>;

try {
  const options = readOptions(process.argv.slice(2), process.env);
  await run(options, readPackage(options.packageDir, options.config));
} catch (error) {
  if (!(error instanceof OptionsError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}

async function run(options: FrontOptions, files: PackageFiles): Promise<void> {
  const logger = new Logger(options, Object.keys(files.config.secrets));
  const metrics = new Metrics();
  const userMetrics = new UserMetrics();
  const poison = new Poison({
    limit: () => pool.files.config.runtime.poison_limit,
    onProven: (digest) =>
      logger.log(
        "error",
        "A request body is refused from now on: each time it was worked on, the model process ended",
        { code: "POISON_REQUEST", digest },
      ),
  });
  const dispatcher = new Dispatcher({
    poison,
    runtime: () => pool.files.config.runtime,
    metrics,
    onStuck: (process) => pool.replaceStuck(process),
  });
  const control = new ControlChannel(options.controlFd, {
    onRequest: (request) => void handleControl(request),
    // Whoever started this runtime is gone; one that was told to stop already has been left for good.
    onClose: () => (stopping === null ? void shutDown(0) : exitNow(143)),
  });
  let telemetry: Telemetry | null = null;
  let announced = false;
  let stopping: Promise<void> | null = null;
  const pool = new ProcessPool(
    {
      front: options,
      dispatcher,
      logger,
      metrics,
      userMetrics,
      onReady(loadMs) {
        control.send({ type: "ready", digest: pool.files.manifest.package, load_ms: loadMs });
        if (!announced) announce("ready");
        announced = true;
      },
      onFailed(info) {
        control.send({ type: "failed", ...info, error: logger.mask(info.error), ...masked(info.stack) });
        logger.log("error", `The model could not be loaded: ${info.error}`, {
          code: "MODEL_LOAD_FAILED",
          stack: info.stack,
        });
        dispatcher.refuseWaiting((job) =>
          job.responder.fail("MODEL_LOAD_FAILED", "The model could not be loaded."),
        );
        if (options.exitOnLoadFailure) void shutDown(1);
      },
      onCrashed: (reason) => control.send({ type: "crashed", reason }),
      onSpans: (payload) => telemetry?.modelSpans(payload),
      onEvent: (event) => control.send(event),
    },
    files,
  );
  // The model process starts before anything else is loaded: its start is the longest part of ours.
  pool.start();
  new MemoryWatch({ pool, metrics, logger }).start();
  const { createServer } = await import("node:http");
  telemetry = await loadTelemetry({
    env: { ...process.env, ...files.config.environment_variables },
    modelName: files.manifest.model_name,
    mask: (text) => logger.mask(text),
    onProblem: (problem) => logger.log("warn", problem),
    writeMetrics: (page) => writeAllMetrics(page, { pool, dispatcher, poison, metrics, userMetrics }),
  });
  const http = new HttpServer({
    createServer,
    pool,
    dispatcher,
    poison,
    metrics,
    userMetrics,
    done: recordRequest,
    tracer: telemetry?.tracer ?? null,
    limits: options,
  });

  void start();
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (stopping !== null) exitNow(128 + 15);
      void shutDown(0);
    });
  }

  async function start(): Promise<void> {
    try {
      const url = await listen(http.server, options.listen);
      control.send({ type: "listening", url });
      // A socket file is between this process and who started it.
      if (!url.startsWith("unix:")) announce(`listening on ${url}`);
    } catch (error) {
      if (!(error instanceof ListenError)) throw error;
      control.send({ type: "failed", error: error.message, reason: `listen:${error.code}` });
      process.stderr.write(`${error.message}\n`);
      exitNow(1);
    }
  }

  function recordRequest(record: RequestDone): void {
    metrics.request(record.route, record.status);
    metrics.durations.total.observe(record.ms / 1000);
    logger.request(record);
    telemetry?.record(record);
  }

  async function handleControl(request: ControlRequest): Promise<void> {
    if (request.type === "environment") return pool.setEnvironment(request.environment);
    if (request.type === "vitals") {
      const processes = await collectVitals(pool.all);
      return control.send({ type: "vitals", id: request.id, processes });
    }
    const { id, generation } = request;
    const began = performance.now();
    try {
      const done = await reload(request);
      poison.forget();
      const duration_ms = performance.now() - began;
      control.send({ type: "reloaded", id, ok: true, digest: generation.digest, duration_ms, ...done });
    } catch (error) {
      const failed = error as { error?: string; stack?: string; message?: string };
      const message = logger.mask(failed.error ?? failed.message ?? String(error));
      control.send({
        type: "reloaded",
        id,
        ok: false,
        error: message,
        ...(failed.error === undefined ? {} : masked(failed.stack)),
      });
    }
  }

  async function reload({
    generation,
    kind,
    strict = false,
  }: ReloadRequest): Promise<{ processes: number; kind: "methods" | "process" }> {
    // Methods can only be put on an instance that is there; a model that is not loaded gets a new process.
    if (kind === "methods" && pool.state === "ready" && pool.usesConfig(generation.config)) {
      try {
        return { ...(await pool.swapMethods(generation)), kind };
      } catch (error) {
        if (strict) throw error;
        const why = (error as { error?: string; message?: string }).error ?? (error as Error).message;
        logger.log("warn", `The methods could not be swapped (${why}); a new process is loaded instead`);
      }
    }
    if (kind === "methods" && strict) throw new Error("no model is loaded");
    const { processes } = await pool.replaceAll(generation);
    return { processes, kind: "process" };
  }

  /** A stack tells of causes, too, and their messages may hold anything. */
  function masked(stack: string | undefined): { stack?: string } {
    return stack === undefined ? {} : { stack: logger.mask(stack) };
  }

  /** Readiness goes first, then what is in flight finishes, then `shutdown()` runs. */
  function shutDown(code: number): Promise<void> {
    stopping ??= (async () => {
      const answered = http.drain();
      const seconds = pool.files.config.runtime.shutdown_timeout_seconds;
      const timeout = new Promise<void>((resolve) => setTimeout(resolve, seconds * 1000).unref());
      await Promise.race([Promise.all([answered, dispatcher.whenIdle()]), timeout]);
      await pool.stop();
      await telemetry?.stop();
      await logger.drain(LAST_WORDS_MS);
      exitNow(code);
    })();
    return stopping;
  }

  function exitNow(code: number): never {
    pool.kill();
    logger.flush();
    process.exit(code);
  }
}

/** Plain text in every log format: scripts wait for these lines. */
function announce(line: string): void {
  try {
    writeSync(1, `${line}\n`);
  } catch {
    // Nobody reads our output; that is no reason not to serve.
  }
}
