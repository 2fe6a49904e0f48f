/** The load generator's process, as a function: `const client = startLoadClient(); await client.run(job)`. */
import { fileURLToPath } from "node:url";
import { startChild, stopChild } from "./children.mjs";

const CLIENT = fileURLToPath(new URL("../load/client.mjs", import.meta.url));

export function startLoadClient() {
  const child = startChild(process.execPath, [CLIENT], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const waiting = new Map();
  let nextId = 0;
  child.on("message", ({ id, result, error }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) resolve(result);
    else reject(new Error(`load generator: ${error}`));
  });
  child.on("exit", () => waiting.forEach(({ reject }) => reject(new Error("the load generator ended"))));
  return {
    pid: child.pid,
    run: (job) =>
      new Promise((resolve, reject) => {
        const id = nextId++;
        waiting.set(id, { resolve, reject });
        child.send({ id, job });
      }),
    stop: () => stopChild(child),
  };
}
