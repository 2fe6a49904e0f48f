// client: ws
// pins: npm/ws
// targets: serve, host
// models: sock, chat
import assert from "node:assert/strict";
import { once } from "node:events";
import { WebSocket } from "ws";
import { row, target } from "../lib/rows.mjs";

const url = target.models.sock.websocket;
const headers = { authorization: `Bearer ${target.key}` };

async function opened(options = {}) {
  const socket = new WebSocket(url, { headers, maxPayload: 0, ...options });
  await once(socket, "open");
  return socket;
}

async function echo(socket, message) {
  socket.send(message);
  const [data, binary] = await once(socket, "message");
  return binary ? data : data.toString();
}

await row("send, text", "the same text", async () => {
  const socket = await opened();
  assert.equal(await echo(socket, "grüezi ✓"), "grüezi ✓");
  socket.close();
});
await row("send, 10 MB", "the same bytes", async () => {
  const socket = await opened();
  const bytes = Buffer.alloc(10_000_000, 3);
  assert.ok((await echo(socket, bytes)).equals(bytes));
  socket.close();
});
await row("ping", "a pong with its data", async () => {
  const socket = await opened();
  socket.ping("seven");
  assert.equal((await once(socket, "pong"))[0].toString(), "seven");
  socket.close();
});
await row("close(4002)", "the same code back", async () => {
  const socket = await opened();
  socket.close(4002, "enough");
  assert.equal((await once(socket, "close"))[0], 4002);
});
await row("the model closes with 4001", "code and reason", async () => {
  const socket = await opened();
  socket.send("close");
  const [code, reason] = await once(socket, "close");
  assert.deepEqual([code, reason.toString()], [4001, "as asked"]);
});
await row("the model throws", "1011 without the model's words", async () => {
  const socket = await opened();
  socket.send("throw");
  const [code, reason] = await once(socket, "close");
  assert.equal(code, 1011);
  assert.doesNotMatch(reason.toString(), /secret/);
});
await row("1000 messages at once", "each, in order", async () => {
  const socket = await opened();
  const got = [];
  const all = new Promise((resolve) => {
    socket.on("message", (data) => got.push(data.toString()) === 1000 && resolve());
  });
  for (let index = 0; index < 1000; index++) socket.send(String(index));
  await all;
  assert.deepEqual(
    got,
    Array.from({ length: 1000 }, (_, index) => String(index)),
  );
  socket.close();
});
await row("terminate while the model sends, 20 times", "the next socket is served", async () => {
  for (let count = 0; count < 20; count++) {
    const socket = await opened();
    await echo(socket, "endless");
    socket.terminate();
  }
  const socket = await opened();
  assert.equal(await echo(socket, "still here"), "still here");
  socket.close();
});
await row("a model without websocket", "a close that says so", async () => {
  const socket = new WebSocket(target.models.chat.websocket, { headers });
  const [, reason] = await once(socket, "close");
  assert.equal(reason.toString(), "WebSocket is not implemented by this model.");
});
if (target.kind === "host") {
  await row("no key", "401", async () => {
    const socket = new WebSocket(url);
    socket.on("error", () => {});
    const [, answer] = await once(socket, "unexpected-response");
    assert.equal(answer.statusCode, 401);
    socket.terminate();
  });
}
