// A second engine, of the test tree: replicas behind TCP in another process, which replaces dead ones itself and
// survives a restart of the host. It passes the same suite as the local engine, and serves a whole host.
import { describe } from "node:test";
import { engineContract } from "../../contract/engine-contract.ts";
import { createRemoteEngine } from "../../contract/remote-engine/remote-engine.ts";
import { startAgent } from "../../contract/remote-engine/start-agent.ts";
import { processesOf } from "../../helpers/run-model.ts";

describe("an engine elsewhere", () => {
  engineContract({
    limitsMemory: false,
    async make(t) {
      const agent = await startAgent(t);
      const engine = createRemoteEngine(agent.url);
      t.after(() => engine.close());
      return {
        engine,
        kill: async ({ place }) => void process.kill(Number(/process (\d+)/.exec(place)?.[1]), "SIGKILL"),
        processesOf,
        nextHost: () => createRemoteEngine(agent.url),
      };
    },
  });
});
