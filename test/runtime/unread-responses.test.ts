// A model that leaves the body of a response unread: on some versions of Node, fetch itself ends the process then.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { runModel } from "../helpers/run-model.ts";
import { until } from "../helpers/until.ts";

const BYTES = 64 * 1024;
const body = Buffer.alloc(BYTES, "x");

/** How a server ends its answers, and what a late reader gets: a number of bytes, or an error. */
const ENDINGS: Record<string, { head: string; end: (socket: Socket) => void; late: number | "terminated" }> =
  {
    whole: { head: `Content-Length: ${BYTES}`, end: (socket) => socket.end(), late: BYTES },
    "without a length": { head: "X-Length: none", end: (socket) => socket.end(), late: BYTES },
    "too short": { head: `Content-Length: ${BYTES + 1}`, end: (socket) => socket.end(), late: "terminated" },
    reset: {
      head: `Content-Length: ${BYTES + 1}`,
      end: (socket) => setTimeout(() => socket.resetAndDestroy(), 100),
      late: "terminated",
    },
  };

const MODEL = `
const held = [];
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export class Model {
  async predict({ url, how }) {
    const response = await fetch(url);
    // The connection ends meanwhile.
    await wait(400);
    if (how === "keep") held.push(response);
    if (how === "cancel") await response.body?.cancel().catch(() => {});
    if (how !== "read") return process.pid;
    return response.text().then((text) => text.length, (error) => error.message);
  }
}`;

async function serveAnswers(t: TestContext, ending: (typeof ENDINGS)[string]): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("data", () => {
      socket.write(`HTTP/1.1 500 No\r\n${ending.head}\r\nConnection: close\r\n\r\n`);
      socket.write(body);
      ending.end(socket);
    });
  }).listen(0, "127.0.0.1");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await new Promise((resolve) => server.once("listening", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

for (const [name, ending] of Object.entries(ENDINGS)) {
  test(`an answer that ends ${name} ends no model process, read late, given up or never`, async (t) => {
    const url = await serveAnswers(t, ending);
    const model = await runModel(t, MODEL);
    const ask = async (how: string): Promise<unknown> => {
      const answer = await model.predict({ url, how });
      return answer.json();
    };
    const pid = await ask("keep");
    assert.equal(typeof pid, "number", model.logText());
    assert.deepEqual(await ask("drop"), pid);
    assert.deepEqual(await ask("cancel"), pid);
    assert.deepEqual(await ask("read"), ending.late);
    assert.deepEqual(await ask("drop"), pid, "the same process all the time");
    assert.deepEqual(
      model.logs().filter(({ level }) => level === "error"),
      [],
    );
  });
}

test("the log names the remedy once, where this version of fetch would have ended the process", async (t) => {
  const url = await serveAnswers(t, ENDINGS["whole"] as (typeof ENDINGS)[string]);
  const model = await runModel(t, MODEL);
  for (const how of ["keep", "drop", "drop"]) await (await model.predict({ url, how })).json();
  // Plain Node in a child process is the oracle; the server has to answer meanwhile, hence not in this one.
  const oracle = spawnSync(process.execPath, ["--input-type=module", "-e", ORACLE], { encoding: "utf8" });
  const dies = oracle.status !== 0;
  assert.ok(!dies || /assert\(!this\.paused\)/.test(oracle.stderr), oracle.stderr);
  const told = () => model.logs().filter(({ code }) => code === "UNREAD_BODY");
  if (dies) await until(() => told().length > 0);
  assert.equal(told().length, dies ? 1 : 0);
  for (const { message } of told()) assert.match(message, /await response\.body\?\.cancel\(\)/);
});

const ORACLE = `
import { createServer } from "node:net";
const server = createServer((socket) => {
  socket.on("error", () => {});
  socket.once("data", () => {
    socket.write("HTTP/1.1 500 No\\r\\nContent-Length: ${BYTES}\\r\\nConnection: close\\r\\n\\r\\n");
    socket.end(Buffer.alloc(${BYTES}, "x"));
  });
}).listen(0, "127.0.0.1", async () => {
  await fetch("http://127.0.0.1:" + server.address().port);
  setTimeout(() => process.exit(0), 500);
});`;
