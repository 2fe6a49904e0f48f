/** What the sections share: the load generator, how long to measure, how to start either kind of server. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startLoadClient } from "./load-client.mjs";
import { packageFolder } from "./package.mjs";
import { PURLIN, runPurlin } from "./command.mjs";
import { startBare, startPackage, startServer } from "./server.mjs";

export function createContext({ quick, self, rounds }) {
  const root = mkdtempSync(join(tmpdir(), "purlin-bench-"));
  // Also where a signal ends the bench; the processes that write there have been killed by then.
  process.on("exit", () => rmSync(root, { recursive: true, force: true, maxRetries: 5 }));
  const client = startLoadClient();
  const packages = self ? null : packageFolder(root);
  const bare = async () => ({ ...(await startBare()), bare: true });
  return {
    root,
    client,
    quick,
    rounds: rounds === undefined ? (quick ? 3 : 7) : Number(rounds),
    sliceMs: quick ? 500 : 1000,
    startBare: bare,
    startModel: async (name, { settings = {}, ...options } = {}) =>
      self
        ? bare()
        : {
            ...(await startPackage(packages.package(name, { settings }), {
              stderr: join(root, `${name}.log`),
              ...options,
            })),
            bare: false,
          },
    serveStarter: () => (self ? null : serveStarter(root)),
    async close() {
      await client.stop();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** A function that starts `purlin serve` on a built project made by `init`. */
async function serveStarter(root) {
  const project = join(root, "serve-minimal");
  await runPurlin(["init", project, "--template", "minimal", "--name", "minimal", "--yes"]);
  await runPurlin(["build", project]);
  return () =>
    startServer({
      args: [PURLIN, "serve", project, "--port", "0"],
      stderr: join(root, "serve.log"),
      healthPath: "/health/ready",
    });
}
