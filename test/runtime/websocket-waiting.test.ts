// A WebSocket whose model process dies between the upgrade's admission and its first message: it waits for the next.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { WebSocket } from "ws";
import { METHODS } from "../../src/protocol/methods.ts";
import { Dispatcher } from "../../src/runtime/front/dispatcher.ts";
import { Logger } from "../../src/runtime/front/logger.ts";
import { Metrics } from "../../src/runtime/front/metrics.ts";
import { readOptions, readPackage } from "../../src/runtime/front/options.ts";
import { Poison } from "../../src/runtime/front/poison.ts";
import { ProcessPool } from "../../src/runtime/front/process-pool.ts";
import { UserMetrics } from "../../src/runtime/front/user-metrics.ts";
import { acceptWebSocket } from "../../src/runtime/front/websocket.ts";
import { writePackage } from "../helpers/run-model.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";
import { until } from "../helpers/until.ts";

const ECHO = `
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export class Model {
  async load() { await wait(300); }
  async websocket(socket) {
    for await (const message of socket) await socket.send(typeof message === "string" ? message : String(message.length));
  }
}`;

interface Front {
  dispatcher: Dispatcher;
  /** Ends the model process and waits until the front knows. */
  crash(): Promise<void>;
  /** Connects as one whose admission was a moment before the crash. */
  open(): Promise<WebSocket>;
}

/** The front's own parts, joined as front/main.ts joins them, around an HTTP server of the test. */
async function startFront(t: TestContext): Promise<Front> {
  const dir = join(await tmpDir(t), "package");
  await writePackage(dir, ECHO);
  const front = { ...readOptions([], {}), packageDir: dir, logLevel: "error" as const };
  const files = readPackage(dir, null);
  const logger = new Logger({ logFormat: "json", logLevel: "error" }, []);
  const metrics = new Metrics();
  const dispatcher = new Dispatcher({
    runtime: () => files.config.runtime,
    metrics,
    poison: new Poison({ limit: () => 0, onProven: () => undefined }),
    onStuck: (process) => pool.replaceStuck(process),
  });
  const userMetrics = new UserMetrics();
  const ignored = (): void => undefined;
  const pool = new ProcessPool(
    {
      front,
      dispatcher,
      logger,
      metrics,
      userMetrics,
      onReady: ignored,
      onFailed: ignored,
      onCrashed: ignored,
      onSpans: ignored,
      onEvent: ignored,
    },
    files,
  );
  t.after(() => pool.stop());
  pool.start();
  await until(() => pool.ready.length === 1);
  const server: Server = createServer();
  server.on("upgrade", (req, socket, head) => {
    const upgrade = { req, socket, head, requestId: "r", isWebSocketRoute: true };
    acceptWebSocket(
      upgrade,
      { pool, dispatcher, done: ignored, tracer: null, draining: false },
      METHODS.indexOf("websocket"),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return {
    dispatcher,
    async crash() {
      for (const process of pool.all) process.kill();
      await until(() => pool.ready.length === 0, { interval: 1 });
    },
    async open() {
      const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      t.after(() => client.terminate());
      await once(client, "open");
      return client;
    },
  };
}

test("messages sent while no model process is up reach the next one, whole and in order", async (t) => {
  const { crash, open, dispatcher } = await startFront(t);
  await crash();
  const client = await open();
  const answers: string[] = [];
  client.on("message", (data: Buffer) => answers.push(data.toString()));
  // More than may be under way: the rest waits in the client's own buffers.
  const sizes = [1, 200_000, 100_000, 300_000, 5];
  for (const [i, size] of sizes.entries()) {
    client.send(`message ${i}`);
    client.send(Buffer.alloc(size));
  }
  assert.equal(dispatcher.inFlight, 1);
  assert.deepEqual(answers, []);
  await until(() => answers.length === sizes.length * 2, { what: () => answers.join() });
  assert.deepEqual(
    answers,
    sizes.flatMap((size, i) => [`message ${i}`, String(size)]),
  );
});

test("a client that leaves while it waits is forgotten; the next process never hears of it", async (t) => {
  const { crash, open, dispatcher } = await startFront(t);
  await crash();
  const client = await open();
  client.send("nobody waits for this");
  assert.equal(dispatcher.inFlight, 1);
  client.close();
  await once(client, "close");
  assert.equal(dispatcher.inFlight, 0);
});
