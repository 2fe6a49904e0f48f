import { setTimeout as delay } from "node:timers/promises";
import type { ModelClient } from "../../client/call-model.ts";
import type { Reporter } from "../../events.ts";
import type { Config } from "../../protocol/config.ts";
import type { RunningRuntime } from "../../supervise/running-runtime.ts";
import { readExampleInput } from "../test-steps/run-example.ts";
import { type Checkpoint, takeCheckpoint } from "./checkpoint.ts";
import type { Finding } from "./finding.ts";
import { judge, type Judgement, type Limits } from "./judge.ts";
import type { ProcessMemory } from "./left-behind.ts";
import { readRuntimeMetrics, whenIdle } from "./runtime-metrics.ts";
import { Traffic } from "./traffic.ts";
import { watchLag } from "./watch-lag.ts";

/** Stretches of traffic with a checkpoint behind each: as many as are worth it, in a long soak no more than that. */
const STRETCH_MS = { least: 1000, most: 10_000 };
const STRETCHES = { usual: 24, most: 400 };
/** For what a handler does after its answer. */
const SETTLE_MS = 50;
const NEWS_EVERY_MS = 4000;
/** Beyond the grace of a cancelled request: by then its process has been replaced. */
const SLOT_MS = 5000;
/** The front answers in a millisecond where nothing holds it up. */
const SLOW_FRONT_MS = 5000;

export interface Driven {
  seconds: number;
  requests: number;
  per_second: number;
  cancelled: number;
  checkpoints: number;
  findings: Finding[];
  trends: Judgement["trends"];
  /** Model processes that ended unasked, by reason. */
  restarts: Record<string, number>;
  /** The longest seen: of the server for an answer that needs no model, and of the model's timers. */
  lag_ms: { front: number; model: number };
}

export interface Drive {
  options: Limits & {
    minutes: number;
    clients: number;
    cancel: number;
    answerSeconds: number;
    report: Reporter;
  };
  runtime: RunningRuntime;
  client: ModelClient;
  config: Config;
  /** Where the files lie that inputs are read from. */
  packageDir: string;
  processes: ProcessMemory;
  signal: AbortSignal;
}

/** Stretches of traffic with a checkpoint behind each, until the time is over or something is found that stays. */
export async function drive(init: Drive): Promise<Driven> {
  const { options, runtime, client, config, packageDir, processes, signal } = init;
  const { clients, cancel, answerSeconds, report } = options;
  const calls = await Promise.all(
    config.examples.map(async (example) => ({ example, body: await readExampleInput(example, packageDir) })),
  );
  const traffic = new Traffic({ client, calls, clients, cancel, answerMs: answerSeconds * 1000, signal });
  const lag = watchLag(client);
  const checkpoints: Checkpoint[] = [];
  const findings: Finding[] = [];
  const began = performance.now();
  const totalMs = options.minutes * 60_000;
  const stretchMs = stretchOf(totalMs);
  const slotMs = config.runtime.cancel_grace_seconds * 1000 + SLOT_MS;
  let trafficMs = 0;
  const tell = (): void => {
    const time = `${seconds(performance.now() - began)} of ${seconds(totalMs)} s`;
    report.emit({ type: "step", message: `${time}: ${news(traffic, checkpoints.at(-1))}` });
  };
  tell();
  const telling = setInterval(tell, NEWS_EVERY_MS);
  const goesOn = (): boolean =>
    performance.now() - began < totalMs && !signal.aborted && findings.length === 0 && traffic.late === 0;
  try {
    while (goesOn()) {
      const now = performance.now();
      await traffic.run(Math.min(stretchMs, totalMs - (now - began)));
      trafficMs += performance.now() - now;
      if (signal.aborted) break;
      const left = await whenIdle(client, slotMs);
      if (left > 0) findings.push(slotFinding(left, slotMs));
      await delay(SETTLE_MS);
      const checkpoint = await takeCheckpoint(runtime, traffic.answered);
      processes.add(checkpoint.processes);
      checkpoints.push(checkpoint);
    }
  } finally {
    clearInterval(telling);
    lag.stop();
  }
  const { restarts } = await readRuntimeMetrics(client);
  const lagMs = lag.longest();
  findings.push(...restartFindings(restarts), ...traffic.findings, ...slowFindings(lagMs.front));
  const judgement = judge(checkpoints, options);
  // Where something else ended it early, that is the news.
  const isWhole = findings.length === 0 && !signal.aborted;
  findings.push(...judgement.findings.filter(({ code }) => code !== "too-short" || isWhole));
  return {
    seconds: seconds(performance.now() - began),
    requests: traffic.answered,
    per_second: Math.round((traffic.answered / Math.max(1, trafficMs)) * 10_000) / 10,
    cancelled: traffic.cancelled,
    checkpoints: checkpoints.length,
    findings,
    trends: judgement.trends,
    restarts,
    lag_ms: lagMs,
  };
}

function stretchOf(totalMs: number): number {
  const usual = Math.min(STRETCH_MS.most, Math.max(STRETCH_MS.least, totalMs / STRETCHES.usual));
  return Math.max(usual, totalMs / STRETCHES.most);
}

function news(traffic: Traffic, last: Checkpoint | undefined): string {
  const mib = (bytes: number): string => `${Math.round(bytes / 1024 ** 2)} MiB`;
  const failed = traffic.failed === 0 ? "" : `, ${traffic.failed} failed`;
  const memory =
    last === undefined ? "" : `, model ${mib(last.model.resident)}, server ${mib(last.front.resident)}`;
  return `${traffic.answered} requests${failed}${memory}`;
}

function slotFinding(left: number, ms: number): Finding {
  return {
    code: "slots",
    message: `${left} requests were still at work ${ms / 1000} s after the last client had its answer or had left.`,
    hint: "A handler goes on for nobody: request.signal aborts when the client has left.",
  };
}

function slowFindings(ms: number): Finding[] {
  if (ms <= SLOW_FRONT_MS) return [];
  return [{ code: "slow-front", message: `The server took ${ms} ms for an answer that needs no model.` }];
}

function restartFindings(restarts: Record<string, number>): Finding[] {
  return Object.entries(restarts).map(([reason, count]) => {
    const message = `A model process ended unasked: ${reason}.`;
    const hint = RESTART_HINTS[reason];
    return { code: "restarts", message, count, ...(hint === undefined ? {} : { hint }) };
  });
}

const RESTART_HINTS: Record<string, string> = {
  "cancelled-request": "The client had left and the handler did not end; request.signal tells it.",
  "memory-limit": "It grew over runtime.memory_limit.",
};

function seconds(ms: number): number {
  return Math.round(ms / 100) / 10;
}
