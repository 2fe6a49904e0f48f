// Issue 3, item 10: what users do all day, while somebody deploys all day and processes die.
import assert from "node:assert/strict";
import { it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { makeModelProject } from "../helpers/make-model-project.ts";
import { type Random, seededRandom } from "../helpers/random.ts";
import { startTestHost, type TestHost } from "../helpers/test-host.ts";
import { until } from "../helpers/until.ts";

/** An hour at ten requests a second. */
const REQUESTS = Number(process.env["PURLIN_LOAD_REQUESTS"] ?? 36_000);
const CLIENTS = 16;
/** Until its closed socket tells that a process is dead, requests are still given to it: longer on a busy machine. */
const UNNOTICED_MS = 50;
const MODEL = "busy";
const CONFIG = "autoscaling: {min_replicas: 2, max_replicas: 3}\nruntime: {predict_concurrency: 4}\n";

interface Failure {
  kind: string;
  what: string;
  began: number;
  ended: number;
}

interface Tally {
  asked: number;
  answered: number;
  cancelled: number;
  failures: Failure[];
}

it(`${REQUESTS} mixed requests during pushes, promotions, rollbacks and kills: none fails that a kill does not explain`, async (t) => {
  const host = await startTestHost(t);
  const project = await makeModelProject(t, MODEL, CONFIG);
  await host.ok(["push", project.dir]);
  await until(() => host.models().length >= 2);

  const tally: Tally = { asked: 0, answered: 0, cancelled: 0, failures: [] };
  const kills: number[] = [];
  const done: Record<string, number> = { push: 0, promote: 0, rollback: 0, kill: 0 };
  const clients = Array.from({ length: CLIENTS }, (_, seed) => client(host, seed, tally));
  const ended = Promise.all(clients).then(() => "ended");
  const random = seededRandom(1);
  for (let version = 2; ; version++) {
    const step = ["push", "kill", "promote", "kill", "rollback", "kill"][version % 6] as string;
    if (step === "push") {
      await project.version(version, { config: CONFIG });
      await host.ok(["push", project.dir, "--force"]);
    } else if (step === "promote") {
      await project.version(version, { config: CONFIG });
      await host.ok(["push", project.dir, "--environment", "staging"]);
      await host.ok(["promote", MODEL, "--from", "staging", "--to", "production"]);
    } else if (step === "rollback") await host.ok(["rollback", MODEL]);
    else {
      const victims = host.models();
      const victim = victims[random.int(victims.length)];
      if (victim !== undefined) {
        kills.push(performance.now());
        process.kill(victim, "SIGKILL");
      }
    }
    done[step] = (done[step] ?? 0) + 1;
    if ((await Promise.race([ended, delay(300)])) === "ended") break;
  }

  const unexplained = tally.failures.filter(
    ({ began, ended: end }) => !kills.some((at) => at >= began - UNNOTICED_MS && at <= end),
  );
  t.diagnostic(
    `${tally.asked} asked, ${tally.answered} answered, ${tally.cancelled} cancelled by their clients, ` +
      `${tally.failures.length} lost to ${kills.length} kills; ${JSON.stringify(done)}`,
  );
  assert.deepEqual(unexplained.slice(0, 5), []);
  assert.ok(tally.failures.length <= kills.length * CLIENTS);
  assert.ok((done["push"] ?? 0) > 0 && (done["rollback"] ?? 0) > 0 && kills.length > 0);
  await until(async () => {
    const text = await (await host.fetch("/metrics")).text();
    return !/in_flight\{[^}]*\} [1-9]/.test(text);
  });
});

async function client(host: TestHost, seed: number, tally: Tally): Promise<void> {
  const random = seededRandom(seed + 100);
  while (tally.asked < REQUESTS) {
    tally.asked += 1;
    const dice = random.int(100);
    const kind = dice < 70 ? "short" : dice < 80 ? "long" : dice < 90 ? "stream" : "cancelled";
    const began = performance.now();
    try {
      await one(host, kind, tally, random);
    } catch (error) {
      const what = String((error as Error).cause ?? error);
      tally.failures.push({ kind, what, began, ended: performance.now() });
    }
  }
}

async function one(host: TestHost, kind: string, tally: Tally, random: Random): Promise<void> {
  if (kind === "cancelled") {
    const signal = AbortSignal.timeout(1 + random.int(30));
    try {
      await (await ask(host, { sleep: 100 }, signal)).arrayBuffer();
    } catch (error) {
      if (!signal.aborted) throw error;
      tally.cancelled += 1;
    }
    return;
  }
  const input = { short: { echo: 1 }, long: { sleep: 150 }, stream: { chunks: 20 } }[kind];
  const response = await ask(host, input);
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${response.status} ${text}`);
  if (kind === "stream") assert.equal(text.trim().split("\n").length, 20, "a stream is whole or an error");
  tally.answered += 1;
}

function ask(host: TestHost, input: unknown, signal?: AbortSignal): Promise<Response> {
  return host.fetch(`/models/${MODEL}/production/predict`, {
    method: "POST",
    body: JSON.stringify(input),
    ...(signal === undefined ? {} : { signal }),
  });
}
