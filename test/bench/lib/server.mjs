/** Starts a server of either kind and asks Linux what it costs. */
import { closeSync, openSync } from "node:fs";
import { get, Agent } from "node:http";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { startChild, stopChild } from "./children.mjs";
import { cpuSeconds, processTree, pssAloneMegabytes, pssMegabytes } from "./proc.mjs";

export const BARE_ARGS = [fileURLToPath(new URL("../yardsticks/http-server.mjs", import.meta.url))];
const START_TIMEOUT_MS = 30_000;

/** The bare node:http server. */
export function startBare() {
  return startServer({ args: BARE_ARGS, healthPath: "/health/ready" });
}

/** A package folder, started as a host would: its front with Node alone. `stderr` is a file descriptor or path. */
export function startPackage(dir, { stderr = "/dev/null", env = {} } = {}) {
  return startServer({
    // The flag of supervise/start-runtime.ts.
    args: ["--max-semi-space-size=4", "runtime/front.mjs", "--port", "0"],
    cwd: dir,
    stderr,
    env: { ...process.env, ...env },
    healthPath: "/health/ready",
  });
}

/**
 * Spawns, waits until a line of it matches `announced`, whose first group is its port, then asks the health path until
 * that says 200: `readyMs` is the time to that.
 */
export async function startServer({
  args,
  cwd,
  stderr = "inherit",
  env = process.env,
  announced = /listening on http:\/\/[^\s:]+:(\d+)/,
  healthPath,
}) {
  const log = typeof stderr === "string" && stderr !== "inherit" ? openSync(stderr, "a") : null;
  const spawned = performance.now();
  const child = startChild(process.execPath, args, { cwd, env, stdio: ["pipe", "pipe", log ?? stderr] });
  if (log !== null) closeSync(log);
  const port = await listeningPort(child, announced);
  const listeningMs = performance.now() - spawned;
  await answers200(port, healthPath, child);
  const readyMs = performance.now() - spawned;
  const pids = processTree(child.pid);
  return {
    port,
    pids,
    listeningMs,
    readyMs,
    cpu: () => cpuSeconds(pids),
    pss: () => pssMegabytes(pids),
    pssAlone: () => pssAloneMegabytes(pids),
    stop: () => stopChild(child),
  };
}

function listeningPort(child, announced) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("the server did not listen in time")), START_TIMEOUT_MS);
    child.once("exit", (code, signal) => {
      clearTimeout(timer);
      reject(new Error(`the server ended (${code ?? signal}) before it listened`));
    });
    createInterface({ input: child.stdout }).on("line", (line) => {
      const port = announced.exec(line)?.[1];
      if (port === undefined) return;
      clearTimeout(timer);
      resolve(Number(port));
    });
  });
}

/** One kept connection, asked every millisecond. */
async function answers200(port, path, child) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const deadline = performance.now() + START_TIMEOUT_MS;
  try {
    while ((await statusOf({ port, path, agent })) !== 200) {
      if (child.exitCode !== null)
        throw new Error(`the server ended (${child.exitCode}) before it was ready`);
      if (performance.now() > deadline) throw new Error(`${path} did not become 200 in time`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  } finally {
    agent.destroy();
  }
}

function statusOf({ port, path, agent }) {
  return new Promise((resolve) => {
    get({ host: "127.0.0.1", port, path, agent }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode));
    }).on("error", () => resolve(0));
  });
}
