/** `purlin serve --watch` and `purlin push --watch` as their users start them, with what they tell as they tell it. */
import { createInterface } from "node:readline";
import { openSync, closeSync } from "node:fs";
import { startChild, stopChild } from "../lib/children.mjs";
import { PURLIN } from "../lib/command.mjs";
import { KEY } from "../lib/host.mjs";
import { processTree } from "../lib/proc.mjs";

/** The first package of a large tree takes its time. */
const LIVE_LIMIT_MS = 180_000;
const EVENT_LIMIT_MS = 20_000;

/** Resolves when the model answers. */
export async function startServing(dir, { log }) {
  const watching = startWatching(["serve", dir, "--port", "0"], { log });
  const { url } = await watching.next(isLive, { limit: LIVE_LIMIT_MS });
  return { ...watching, port: Number(new URL(url).port), path: "/predict", pids: () => watching.tree() };
}

/** The same for a development deployment on that host; `model` is the name in config.yaml. */
export async function startPushing(host, dir, { log, model }) {
  const watching = startWatching(["push", dir], { log, env: host.env });
  await watching.next(isLive, { limit: LIVE_LIMIT_MS });
  return {
    ...watching,
    port: host.port,
    path: `/models/${model}/development/predict`,
    key: KEY,
    pids: () => [...watching.tree(), ...processTree(host.pids[0])],
  };
}

const isLive = (event) => event.type === "live" && event.replicas > 0;

function startWatching(args, { log, env = process.env }) {
  const stderr = openSync(log, "a");
  const child = startChild(process.execPath, [PURLIN, ...args, "--watch", "--json"], {
    env,
    stdio: ["pipe", "pipe", stderr],
  });
  closeSync(stderr);
  const events = [];
  let heard = () => undefined;
  createInterface({ input: child.stdout }).on("line", (line) => {
    events.push({ at: performance.now(), ...JSON.parse(line) });
    heard();
  });
  child.once("exit", () => heard());
  return {
    /** Each with the time at which it was read here. */
    events,
    pid: child.pid,
    tree: () => processTree(child.pid),
    stop: () => stopChild(child),
    /** The first event from index `from` on that `wanted` accepts. */
    async next(wanted, { from = 0, limit = EVENT_LIMIT_MS } = {}) {
      const deadline = performance.now() + limit;
      for (;;) {
        const found = events.slice(from).find(wanted);
        if (found !== undefined) return found;
        if (child.exitCode !== null)
          throw new Error(`${args[0]} --watch ended (${child.exitCode}): see ${log}`);
        const left = deadline - performance.now();
        if (left <= 0) throw new Error(`${args[0]} --watch told ${JSON.stringify(events.slice(from))}`);
        await new Promise((resolve) => {
          const timer = setTimeout(resolve, left);
          heard = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    },
  };
}
