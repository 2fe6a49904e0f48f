import { setTimeout as delay } from "node:timers/promises";
import { HostClient } from "../client/host-client.ts";
import { AppError, CancelledError, isAppError } from "../errors.ts";
import type { Reporter } from "../events.ts";
import { DEVELOPMENT, type DevelopmentState } from "../protocol/development.ts";
import type { TransferLimits } from "../protocol/transfer.ts";
import { LiveBuilder } from "./build-steps/live-builder.ts";
import { readLogs } from "./host-steps/read-logs.ts";
import { type HostAccess, withHost } from "./host-steps/with-host.ts";
import { readSecrets } from "./push-steps/read-secrets.ts";
import { ExampleNews } from "./watch-steps/example-news.ts";
import { keepAnswers } from "./watch-steps/keep-answers.ts";
import { RemoteTarget } from "./watch-steps/remote-target.ts";
import type { WatchKeys } from "./watch-steps/watch-keys.ts";
import { type Applied, type ProjectWatch, watchProject } from "./watch-project.ts";

/** What the server says is believed to differ once it has said so for so long: its news and answers cross. */
const DOUBT_MS = 500;
const LOOK_FOR_LOGS_MS = 500;

export interface PushWatchingOptions extends HostAccess {
  /** Absolute folder of a project. */
  dir: string;
  /** From another watcher. */
  takeover: boolean;
  /** Code whose answers are not those of its examples does not go live. */
  strictExamples: boolean;
  /** Absolute path of a file with secrets, set before the first sync. */
  secretsFrom?: string | undefined;
  keys?: WatchKeys | undefined;
  report: Reporter;
  signal: AbortSignal;
  /** The address below which the deployment answers; told once it is live. */
  onLive(url: string): void;
}

/**
 * Keeps the development deployment of a project in step with its folder, until it is stopped: then it throws the
 * signal's reason. Throws AppError WATCH_LOST, and what keeps it from beginning.
 */
export function pushWatching(options: PushWatchingOptions): Promise<void> {
  return withHost(options, (client) => follow(options, client));
}

async function follow(options: PushWatchingOptions, client: HostClient): Promise<void> {
  const { dir, report, signal } = options;
  const { target, limits, features } = await client.capabilities();
  if (!features.includes("sync")) {
    throw new AppError("HOST_REFUSED", "This deployment server is too old for push --watch.", {
      hint: "Upgrade it, or deploy with purlin push.",
    });
  }
  if (options.secretsFrom !== undefined) {
    const secrets = Object.entries(readSecrets(options.secretsFrom));
    for (const [name, value] of secrets) await client.setSecret(name, value);
  }
  for (;;) {
    const builder = await LiveBuilder.create({ dir, target, report, signal });
    try {
      const next = await followModel(options, { client, builder, limits });
      if (next === null) break;
      report.emit({ type: "note", message: `config.yaml names the model ${next} now: that one is followed` });
    } finally {
      await builder.dispose();
    }
  }
  const reason: unknown = signal.reason;
  // As for serve: SIGTERM is how it is stopped.
  if (reason instanceof CancelledError && reason.signal !== "SIGTERM") throw reason;
}

interface Following {
  client: HostClient;
  builder: LiveBuilder;
  limits: TransferLimits;
}

/** Until it is stopped, or until the project has another model, whose name it then returns. */
async function followModel(
  options: PushWatchingOptions,
  { client, builder, limits }: Following,
): Promise<string | null> {
  const { dir, report, keys } = options;
  const { connection } = client;
  const model = builder.modelName;
  const url = `${connection.url}/models/${model}/environments/${DEVELOPMENT}`;
  const ended = new AbortController();
  const signal = AbortSignal.any([options.signal, ended.signal]);
  const renamed = deferred<string>();
  const news = new News({ url, keys: keys !== undefined, report, builder, onLive: options.onLive });
  let watch: ProjectWatch | null = null;
  let target: RemoteTarget | null = null;
  let logs: Promise<void> = Promise.resolve();
  let doubting = false;
  const onState = (state: DevelopmentState): void => {
    news.replicas(state.replicas);
    if (target === null || target.agrees(state) || doubting) return;
    doubting = true;
    void settle(target, signal).then((agrees) => {
      doubting = false;
      if (!agrees) watch?.reload("the server had something else live");
    });
  };
  try {
    const { takeover, strictExamples } = options;
    const onRenamed = renamed.resolve;
    const remote = { connection, limits, model, takeover, strictExamples, report, onState, onRenamed };
    target = await RemoteTarget.open(remote, signal);
    logs = tailLogs(new HostClient(connection, signal), model, { report, signal });
    const onLive = ({ replicas }: Applied): void => {
      news.live(replicas);
      setImmediate(() => builder.prepare());
    };
    const examples = new ExampleNews({ report, keys: keys !== undefined });
    watch = await watchProject({ dir, builder, report, target, examples, onLive });
    watch.reload("first sync");
    const forget = keys?.listen({
      reload: () => watch?.reload("asked for", { anew: true }),
      keepAnswers: keepAnswers(dir, report, signal),
      url: () => url,
    });
    try {
      return await Promise.race([aborted(options.signal), target.session.lost, renamed.promise]);
    } finally {
      forget?.();
    }
  } finally {
    await watch?.close();
    ended.abort();
    await logs;
    await target?.close();
  }
}

type NewsOptions = Pick<PushWatchingOptions, "report" | "onLive"> & {
  url: string;
  keys: boolean;
  builder: LiveBuilder;
};

/** What is live, told whenever something of it changes. */
class News {
  readonly #options: NewsOptions;
  #replicas = 0;
  #wasLive = false;

  constructor(options: NewsOptions) {
    this.#options = options;
  }

  replicas(count: number): void {
    if (count === this.#replicas) return;
    this.#replicas = count;
    if (this.#wasLive) this.#tell();
  }

  live(replicas: number): void {
    this.#replicas = replicas;
    if (!this.#wasLive) this.#options.onLive(this.#options.url);
    this.#wasLive = true;
    this.#tell();
  }

  #tell(): void {
    const { url, keys, builder, report } = this.#options;
    report.emit({ type: "live", url, digest: builder.liveDigest, replicas: this.#replicas, keys });
  }
}

/** Does the server still have something else, a moment later? */
async function settle(target: RemoteTarget, signal: AbortSignal): Promise<boolean> {
  try {
    await delay(DOUBT_MS, undefined, { signal });
    return target.agrees(await target.state(signal));
  } catch {
    // Away again, or over: it says more when it is back.
    return true;
  }
}

/** From now on; of a model that is not there yet, from its beginning. */
async function tailLogs(
  client: HostClient,
  model: string,
  { report, signal }: { report: Reporter; signal: AbortSignal },
): Promise<void> {
  let isNew = false;
  while (!signal.aborted) {
    try {
      const request = { environment: DEVELOPMENT, limit: isNew ? 1000 : 1 };
      let cursor: string | undefined;
      if (!isNew) for await (const line of await client.logs(model, request, false)) cursor = line.cursor;
      await readLogs(client, {
        model,
        request: { ...request, cursor },
        tail: true,
        signal,
        report: { emit: () => undefined },
        onLine: async (line) => report.emit({ type: "log", line }),
      });
    } catch (error) {
      if (signal.aborted) return;
      if (isAppError(error) && error.code === "NOT_ON_HOST") isNew = true;
      else if (!isAppError(error) || error.code !== "HOST_UNREACHABLE") {
        const why = error instanceof Error ? error.message : String(error);
        report.emit({ type: "note", message: `the deployment's log cannot be followed: ${why}` });
        return;
      }
      await delay(LOOK_FOR_LOGS_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

function aborted(signal: AbortSignal): Promise<null> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(null);
    else signal.addEventListener("abort", () => resolve(null), { once: true });
  });
}

function deferred<T>(): { promise: Promise<T>; resolve(value: T): void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((done) => (resolve = done));
  return { promise, resolve };
}
