import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type Address, parseAddress } from "../../../src/protocol/address.ts";
import { HostError } from "../../../src/server/host-error.ts";
import type { Target } from "../../../src/server/router/parse-route.ts";
import { createRouter, type Router, type RouterOptions } from "../../../src/server/router/router.ts";
import { Traffic, type TrafficOptions } from "../../../src/server/router/traffic.ts";
import { startRuntime } from "../../../src/supervise/start-runtime.ts";
import type { RunningRuntime } from "../../../src/supervise/running-runtime.ts";
import { writePackage } from "../../helpers/run-model.ts";
import { tmpDir } from "../../helpers/tmp-dir.ts";

export interface StartedRouter {
  url: string;
  port: number;
  router: Router;
  server: Server;
  traffic: Traffic;
  /** Asked for in the course of the test, newest last. */
  resolved: { model: string; target: Target }[];
}

export interface StartRouterOptions {
  traffic?: Partial<TrafficOptions>;
  router?: Partial<RouterOptions>;
  /** What a request for model `m` gets; other names are NOT_FOUND. */
  resolve?: () => Traffic;
}

/** A router on a free port over one traffic, without a replica yet. */
export async function startRouter(
  t: Pick<TestContext, "after">,
  options: StartRouterOptions = {},
): Promise<StartedRouter> {
  const traffic = new Traffic({
    maxWaiting: 100,
    waitMs: 5000,
    onDemand: () => undefined,
    ...options.traffic,
  });
  const resolved: StartedRouter["resolved"] = [];
  const router = createRouter(
    {
      resolve(model, target) {
        resolved.push({ model, target });
        if (model !== "m") throw new HostError("NOT_FOUND", `There is no model ${model}.`);
        return options.resolve?.() ?? traffic;
      },
    },
    { authorize: () => undefined, waitMs: 5000, ...options.router },
  );
  const answer: RequestListener = (req, res) => {
    if (!router.handle(req, res)) res.writeHead(404).end("not the router's");
  };
  const server = createServer({ requestTimeout: 0 }, answer).on("checkContinue", answer);
  server.on("upgrade", (req, socket, head) => {
    if (!router.upgrade(req, socket, head)) socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(async () => {
    server.closeAllConnections();
    server.close();
    await router.close(0);
    await Promise.all(traffic.backends().map(({ id }) => traffic.remove(id)));
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, router, server, traffic, resolved };
}

export interface StartedReplica {
  address: Address;
  runtime: RunningRuntime;
  logText(): string;
}

/** The runtime with a model of this source, on a unix socket, ready. */
export async function startReplica(
  t: Pick<TestContext, "after">,
  source: string,
  config = "",
): Promise<StartedReplica> {
  const dir = await tmpDir(t, "pr-");
  await writePackage(join(dir, "p"), source, config);
  const output: string[] = [];
  const runtime = startRuntime({
    packageDir: join(dir, "p"),
    listen: { socket: join(dir, "s") },
    env: {},
    stdout: "pipe",
    stderr: "pipe",
    onOutput: (_stream, text) => output.push(text),
  });
  t.after(() => runtime.stop({ graceMs: 1000 }));
  const address = parseAddress(await runtime.listening);
  await runtime.ready;
  return { address, runtime, logText: () => output.join("") };
}
