// Issue 2, "bad input to survive": clients that are slow on purpose hold neither slots nor connections for ever.
import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { test, type TestContext } from "node:test";
import { RUNTIME_ENV } from "../../src/protocol/runtime-env.ts";
import { readMetric } from "../helpers/read-metric.ts";
import { runModel, type RunningModel } from "../helpers/run-model.ts";
import { until } from "../helpers/until.ts";

const ECHO = "export class Model { predict(x) { return x.length ?? x; } }";
const IMPATIENT = {
  [RUNTIME_ENV.headersTimeout]: "0.5",
  [RUNTIME_ENV.bodyPace]: "0.4",
};
const head = (bytes: number): string =>
  `POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: ${bytes}\r\n\r\n`;

interface SlowClient {
  socket: Socket;
  answer(): string;
  /** Milliseconds from the start until the server closed the connection. */
  closed: Promise<number>;
}

/** Sends `first` at once and then `drip` every 50 ms, until the server has had enough. */
function slowClient(t: TestContext, model: RunningModel, { first = "", drip = "" }): SlowClient {
  const { hostname, port } = new URL(model.url);
  const began = performance.now();
  const socket = connect(Number(port), hostname);
  let answer = "";
  socket.setEncoding("utf8").on("data", (text: string) => (answer += text));
  socket.on("error", () => undefined);
  socket.write(first);
  const timer = setInterval(() => drip !== "" && socket.writable && socket.write(drip), 50);
  t.after(() => {
    clearInterval(timer);
    socket.destroy();
  });
  const closed = new Promise<number>((resolve) =>
    socket.on("close", () => {
      clearInterval(timer);
      resolve(performance.now() - began);
    }),
  );
  return { socket, answer: () => answer, closed };
}

async function refused(client: SlowClient, what: string): Promise<void> {
  await until(() => client.answer() !== "", { timeout: 3000, what: `an answer to ${what}` });
  assert.match(client.answer(), /^HTTP\/1\.1 408 [^]*"code":"REQUEST_TIMEOUT"/, what);
  assert.ok((await client.closed) < 4000, what);
}

test("headers that come too slowly, or not at all, are answered with 408 and the connection is closed", async (t) => {
  const model = await runModel(t, ECHO, { env: IMPATIENT });
  const dripping = slowClient(t, model, { first: "POST /predict HTTP/1.1\r\n", drip: "X-A: b\r\n" });
  const halted = slowClient(t, model, { first: "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Le" });
  const mute = slowClient(t, model, {});
  assert.equal((await model.predict("abc")).status, 200, "others are served meanwhile");
  await refused(dripping, "headers that drip");
  await refused(halted, "headers that halt");
  await refused(mute, "no headers");
});

test("a body that comes too slowly is answered with 408, takes no slot and ends its connection", async (t) => {
  const model = await runModel(t, ECHO, { env: IMPATIENT });
  const clients: [what: string, client: SlowClient][] = [
    ["a small body that drips", slowClient(t, model, { first: head(1000), drip: "1" })],
    ["a small body that never comes", slowClient(t, model, { first: head(5) })],
    ["a large body that drips", slowClient(t, model, { first: `${head(5_000_000)}"`, drip: "abcdefg" })],
    [
      "chunks that drip",
      slowClient(t, model, {
        first: "POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        drip: "1\r\n1\r\n",
      }),
    ],
  ];
  assert.equal(await (await model.predict("abc")).json(), 3, "the one slot is free meanwhile");
  for (const [what, client] of clients) await refused(client, what);
  await until(async () => (await readMetric(model.url, "purlin_requests_in_flight")) === 0);
});

test("an upload whose answer has been given is read on at an honest pace only", async (t) => {
  const source = `export class Model { static input = "raw"; predict(body, request) { return "early"; } }`;
  const model = await runModel(t, source, { env: IMPATIENT });
  const client = slowClient(t, model, { first: `${head(5_000_000)}${"x".repeat(70_000)}`, drip: "abcdefg" });
  await until(() => client.answer().includes("early"), { what: "the answer" });
  assert.match(client.answer(), /^HTTP\/1\.1 200/);
  assert.ok((await client.closed) < 4000);
});

test("a long upload at an honest pace is taken, however long it takes", async (t) => {
  const model = await runModel(t, ECHO, { env: IMPATIENT });
  const pieces = 25;
  const piece = "x".repeat(10_000);
  let sent = 0;
  const text = new ReadableStream<string>({
    async pull(controller) {
      await delay(70);
      sent += 1;
      controller.enqueue(sent === 1 ? `"${piece}` : piece);
      if (sent < pieces) return;
      controller.enqueue('"');
      controller.close();
    },
  });
  const began = performance.now();
  const body = text.pipeThrough(new TextEncoderStream());
  const response = await model.predict(null, { body, duplex: "half" } as RequestInit);
  assert.equal(await response.json(), pieces * piece.length);
  assert.ok(performance.now() - began > 1000, "it outlived several looks at its pace");
});
