// Model contract §3 and §6, spec cases I: WebSocket models, seen by a client.
import assert from "node:assert/strict";
import { once } from "node:events";
import { test, type TestContext } from "node:test";
import { WebSocket, type RawData } from "ws";
import { readMetric } from "../helpers/read-metric.ts";
import { runModel } from "../helpers/run-model.ts";
import { until } from "../helpers/until.ts";

interface Client {
  socket: WebSocket;
  received: (string | Buffer)[];
  /** Code and reason, once it is closed. */
  closed: Promise<[code: number, reason: string]>;
}

function connect(t: TestContext, url: string, headers: Record<string, string> = {}): Client {
  const socket = new WebSocket(`${url.replace("http", "ws")}/v1/websocket`, { headers });
  t.after(() => socket.terminate());
  const received: (string | Buffer)[] = [];
  socket.on("message", (data: RawData, binary: boolean) =>
    received.push(binary ? (data as Buffer) : (data as Buffer).toString()),
  );
  socket.on("error", () => undefined);
  const closed = once(socket, "close").then(([code, reason]): [number, string] => [
    code as number,
    String(reason),
  ]);
  return { socket, received, closed };
}

const model = (body: string): string => `export class Model { async websocket(socket) { ${body} } }`;

test("messages go to and fro, and the end of the method closes with 1000", async (t) => {
  const source = model(
    `for await (const m of socket) { if (m === "done") return; await socket.send(m + " pong"); }`,
  );
  const client = connect(t, (await runModel(t, source)).url);
  await once(client.socket, "open");
  for (const text of ["hello", "wörld", "", "done"]) client.socket.send(text);
  assert.deepEqual(await client.closed, [1000, ""]);
  assert.deepEqual(client.received, ["hello pong", "wörld pong", " pong"]);
});

test("bytes stay bytes, whatever their size, and order is kept", async (t) => {
  const source = model(
    `for await (const m of socket) socket.send(typeof m === "string" ? m : m.slice().reverse());`,
  );
  const client = connect(t, (await runModel(t, source)).url);
  await once(client.socket, "open");
  const large = Buffer.alloc(3_000_000, "abcdefg");
  for (const bytes of [Buffer.from([0, 1, 255]), Buffer.alloc(0), large]) client.socket.send(bytes);
  client.socket.send("text");
  await until(() => client.received.length === 4, { what: "four answers" });
  const [small, empty, back, text] = client.received;
  assert.deepEqual([...(small as Buffer)], [255, 1, 0]);
  assert.equal((empty as Buffer).length, 0);
  assert.ok(Buffer.from(large.toReversed()).equals(back as Buffer));
  assert.equal(text, "text");
});

test("message events reach a listener; the method's promise keeps the connection", async (t) => {
  const source = model(
    `await new Promise((done) => { socket.addEventListener("message", (e) => { if (e.data === "bye") done(); else socket.send("got " + e.data); }); });`,
  );
  const client = connect(t, (await runModel(t, source)).url);
  await once(client.socket, "open");
  for (const text of ["a", "b", "bye"]) client.socket.send(text);
  assert.deepEqual(await client.closed, [1000, ""]);
  assert.deepEqual(client.received, ["got a", "got b"]);
});

test("a throw closes with 1011 and says nothing of its reason; the log has it with the request's id", async (t) => {
  const running = await runModel(
    t,
    model(`for await (const m of socket) if (m === "raise") throw new Error("inner secret");`),
  );
  const client = connect(t, running.url, { "x-request-id": "ws-7" });
  await once(client.socket, "open");
  client.socket.send("raise");
  const [code, reason] = await client.closed;
  assert.equal(code, 1011);
  assert.doesNotMatch(reason, /inner secret/);
  const log = await until(() =>
    running.logs().find((r) => r["request_id"] === "ws-7" && r.level === "error"),
  );
  assert.match(log.message, /inner secret/);
});

test("the model's own close code and reason reach the client", async (t) => {
  const client = connect(t, (await runModel(t, model(`socket.close(4321, "enough");`))).url);
  assert.deepEqual(await client.closed, [4321, "enough"]);
});

test("a model without websocket closes with 1003", async (t) => {
  const { url, predict } = await runModel(t, "export class Model { predict() { return 1; } }");
  const [code, reason] = await connect(t, url).closed;
  assert.equal(code, 1003);
  assert.match(reason, /not implemented/);
  assert.equal(await (await predict(null)).json(), 1);
});

test("predict on a websocket model is a 404; a plain GET of its route is told to upgrade", async (t) => {
  const { url, predict } = await runModel(t, model(""));
  const refused = await predict(null);
  assert.equal(refused.status, 404);
  assert.equal(((await refused.json()) as { code: string }).code, "METHOD_NOT_IMPLEMENTED");
  const get = await fetch(`${url}/v1/websocket`);
  assert.equal(get.status, 426);
  assert.equal(((await get.json()) as { code: string }).code, "UPGRADE_REQUIRED");
});

test("a message above 100 MiB closes with 1009", async (t) => {
  const running = await runModel(t, model(`for await (const m of socket) socket.send("got " + m.length);`));
  const client = connect(t, running.url);
  await once(client.socket, "open");
  client.socket.send(Buffer.alloc(101 * 1024 * 1024));
  assert.equal((await client.closed)[0], 1009);
  const next = connect(t, running.url);
  await once(next.socket, "open");
  next.socket.send("abc");
  await until(() => next.received[0] === "got 3", { what: "an answer on the next connection" });
});

test("an upgrade before the model is ready is a 503 in the one shape; another path is a 404", async (t) => {
  const source = `export class Model { async load() { await new Promise(() => setInterval(() => {}, 1000)); } websocket() {} }`;
  const { url } = await runModel(t, source, { ready: false });
  const refusal = async (path: string): Promise<[number, Record<string, unknown>]> => {
    const socket = new WebSocket(url.replace("http", "ws") + path);
    socket.on("error", () => undefined);
    const [, response] = (await once(socket, "unexpected-response")) as [
      unknown,
      NodeJS.ReadableStream & { statusCode: number },
    ];
    let text = "";
    for await (const piece of response) text += String(piece);
    return [response.statusCode, JSON.parse(text) as Record<string, unknown>];
  };
  const [status, body] = await refusal("/v1/websocket");
  assert.equal(status, 503);
  assert.equal(body["code"], "MODEL_NOT_READY");
  assert.ok(body["request_id"]);
  assert.equal((await refusal("/elsewhere"))[0], 404);
});

test("when the client goes, the signal aborts, the iteration ends and nothing is held", async (t) => {
  const source = model(`
    socket.signal.addEventListener("abort", () => console.log("aborted"));
    for await (const m of socket) socket.send(m);
    console.log("iteration ended");`);
  const running = await runModel(t, source);
  const clients = Array.from({ length: 20 }, () => connect(t, running.url));
  for (const client of clients) {
    if (client.socket.readyState !== WebSocket.OPEN) await once(client.socket, "open");
    client.socket.send("x");
  }
  await until(() => clients.every((client) => client.received.length === 1), { what: "an echo for each" });
  for (const [i, client] of clients.entries()) {
    if (i % 2 === 0) client.socket.terminate();
    else client.socket.close(4000, "going");
  }
  const count = (message: string): number => running.logs().filter((r) => r.message === message).length;
  await until(() => count("aborted") === 20 && count("iteration ended") === 20, {
    what: () => `20 ends, there are ${count("aborted")} and ${count("iteration ended")}`,
  });
  await until(async () => (await readMetric(running.url, "purlin_requests_in_flight")) === 0, {
    what: "nothing in flight",
  });
});

test("a client that reads nothing slows the model's awaited sends down", async (t) => {
  const source = model(
    `let n = 0; for (;;) { await socket.send(new Uint8Array(65536)); console.log("sent " + ++n); }`,
  );
  const running = await runModel(t, source);
  const client = connect(t, running.url);
  await once(client.socket, "open");
  client.socket.pause();
  const sent = (): number => running.logs().filter((r) => r.message.startsWith("sent")).length;
  let last = -1;
  // Two looks half a second apart that agree: it stands still.
  await until(() => (sent() > 0 && sent() === last) || ((last = sent()), false), {
    interval: 500,
    timeout: 15_000,
  });
  assert.ok(last * 65536 < 64 * 1024 * 1024, `${last} messages were sent to a client that reads nothing`);
  client.socket.resume();
  await until(() => sent() > last, { what: "it to go on" });
});
