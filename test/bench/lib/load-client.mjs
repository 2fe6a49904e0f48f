/** The load generator's process, as a function: `const client = startLoadClient(); await client.run(job)`. */
import { fileURLToPath } from "node:url";
import { startChild, stopChild } from "./children.mjs";

const CLIENT = fileURLToPath(new URL("../load/client.mjs", import.meta.url));

/** Beyond the time that a job measures for. */
const STALL_MS = 60_000;

export function startLoadClient() {
  const child = startChild(process.execPath, [CLIENT], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const waiting = new Map();
  let nextId = 0;
  child.on("message", ({ id, result, error }) => {
    const { resolve, reject, timer } = waiting.get(id);
    waiting.delete(id);
    clearTimeout(timer);
    if (error === undefined) resolve(result);
    else reject(new Error(`load generator: ${error}`));
  });
  child.on("exit", () => waiting.forEach(({ reject }) => reject(new Error("the load generator ended"))));
  return {
    pid: child.pid,
    run: (job) =>
      new Promise((resolve, reject) => {
        const id = nextId++;
        // A server that never answers must end the run, not hold it.
        const limit = (job.ms ?? 0) + STALL_MS;
        const timer = setTimeout(
          () => reject(new Error(`${job.path} was not answered within ${limit} ms`)),
          limit,
        );
        waiting.set(id, { resolve, reject, timer });
        child.send({ id, job });
      }),
    stop: () => stopChild(child),
  };
}
