// Issue 12, part 4: permessage-deflate where config.yaml allows it, bounded, through a host's router as well.
import assert from "node:assert/strict";
import { once } from "node:events";
import { it } from "node:test";
import { WebSocket } from "ws";
import { parseAddress } from "../../src/protocol/address.ts";
import { runModel } from "../helpers/run-model.ts";
import { startRouter } from "../server/router/start-router.ts";

const MODEL = `export class Model {
  async websocket(socket) { for await (const message of socket) await socket.send(message); }
}`;
const ON = "runtime: {transport: {kind: websocket, permessage_deflate: true}}";

async function open(t: { after(fn: () => void): void }, address: string): Promise<WebSocket> {
  const client = new WebSocket(address.replace("http", "ws"), { maxPayload: 0, perMessageDeflate: true });
  t.after(() => client.terminate());
  await once(client, "open");
  return client;
}

async function echo(client: WebSocket, message: string | Buffer): Promise<Buffer> {
  client.send(message);
  const [data] = (await once(client, "message")) as [Buffer];
  return data;
}

it("messages travel packed where it is allowed, on the model's own port and through a router", async (t) => {
  const [on, off] = await Promise.all([
    runModel(t, MODEL, { config: ON }),
    runModel(t, MODEL, { config: "runtime: {transport: {kind: websocket}}" }),
  ]);
  const { url, traffic } = await startRouter(t);
  traffic.add({ id: "a", address: parseAddress(on.url) });
  const large = Buffer.alloc(2_000_000, "grüezi ");
  for (const [address, isPacked] of [
    [`${on.url}/v1/websocket`, true],
    [`${url}/models/m/environments/production/websocket`, true],
    [`${off.url}/v1/websocket`, false],
  ] as const) {
    const client = await open(t, address);
    assert.equal(client.extensions.includes("permessage-deflate"), isPacked, address);
    const { _socket: socket } = client as unknown as { _socket: { bytesRead: number } };
    const before = socket.bytesRead;
    assert.deepEqual(await echo(client, large), large);
    assert.equal(socket.bytesRead - before < large.length / 10, isPacked, address);
    assert.equal(String(await echo(client, "small")), "small");
    client.close();
  }
});

it("a message that unpacks to more than the limit closes its connection only", async (t) => {
  const { url } = await runModel(t, MODEL, { config: ON });
  const [bomber, other] = await Promise.all([open(t, `${url}/v1/websocket`), open(t, `${url}/v1/websocket`)]);
  bomber.on("error", () => undefined);
  bomber.send(Buffer.alloc(150_000_000));
  const [code] = (await once(bomber, "close")) as [number];
  assert.ok([1009, 1006].includes(code), String(code));
  assert.equal(String(await echo(other, "still here")), "still here");
});
