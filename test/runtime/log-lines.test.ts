// Model contract §6: logs are JSON lines, whatever a model prints; and a stalled reader of them stalls nothing else.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, openSync, readSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { test } from "node:test";
import { WebSocket } from "ws";
import { runModel, writePackage } from "../helpers/run-model.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";
import { until } from "../helpers/until.ts";

const OBEDIENT = `export class Model { predict(code) { return new Function(code)() ?? null; } }`;

/** Lines of the runtime's own that are no records. */
const PLAIN = /^(listening on .*|ready|)$/;

function records(text: string): { message: string; level: string }[] {
  return text
    .split("\n")
    .filter((line) => !PLAIN.test(line))
    .map((line) => JSON.parse(line) as { message: string; level: string });
}

test("whatever a model prints becomes JSON lines, characters whole, endless lines cut", async (t) => {
  const model = await runModel(t, OBEDIENT);
  const prints = [
    `console.log("x".repeat(200_000))`,
    `console.error("\\u0000\\u001e\\u2028".repeat(40_000))`,
    `console.log("é😀".repeat(60_000))`,
    `process.stdout.write("😀".repeat(50_000) + "\\n")`,
    `process.stdout.write("no line feed ".repeat(50_000))`,
    `process.getBuiltinModule("node:fs").writeSync(2, "\\u001enot a record\\n")`,
    `console.log({ a: [1, { b: 2 }] }, "two\\nlines", Symbol("s"), 10n)`,
    `console.table([{ a: 1 }]); console.dir({ d: 1 }); console.count(); console.assert(false, "asserted")`,
  ];
  for (const code of prints) assert.equal((await model.predict(code)).status, 200, code);
  await model.predict('console.log("the last line")');
  await until(() => model.logText().includes("the last line"));
  const all = records(model.logText());
  assert.ok(!all.some(({ message }) => message.includes("\ufffd")), "a character was torn");
  const long = all.find(({ message }) => message.startsWith("xxxx"));
  assert.match(long?.message ?? "", /^x+… \(200000 characters\)$/);
  assert.ok(all.some(({ message }) => message.includes("two\nlines")));
  assert.ok(all.some(({ message }) => message.includes("asserted")));
});

test("logs to a pipe that nobody reads cost no request; what was lost is counted once somebody reads", async (t) => {
  const root = await tmpDir(t);
  const dir = join(root, "package");
  await writePackage(dir, OBEDIENT);
  execFileSync("mkfifo", [join(root, "log")]);
  const pipe = openSync(join(root, "log"), constants.O_RDONLY | constants.O_NONBLOCK);
  // Opened on its own: Node makes what it hands to a child blocking, for everybody who shares the description.
  const end = openSync(join(root, "log"), constants.O_WRONLY);
  t.after(() => [pipe, end].forEach((fd) => closeSync(fd)));
  const child = spawn(process.execPath, [join(dir, "runtime/front.mjs")], {
    env: { PATH: process.env["PATH"], PORT: "0" },
    stdio: ["ignore", "pipe", end],
  });
  const exited = once(child, "exit");
  t.after(() => child.kill("SIGKILL"));
  const url = await firstAddress(child.stdout as Readable);
  const predict = (code: string): Promise<Response> =>
    fetch(`${url}/predict`, { method: "POST", body: JSON.stringify(code) });
  await until(async () => (await fetch(`${url}/ping`)).ok);
  const lines = 40;
  for (let i = 0; i < 100; i++) {
    const began = performance.now();
    const print = `for (let i = 0; i < ${lines}; i++) console.log("line of " + "x".repeat(1000))`;
    assert.equal((await predict(print)).status, 200);
    assert.ok(performance.now() - began < 2000, `request ${i} took ${performance.now() - began} ms`);
  }
  let text = "";
  const read = (): string => (text += readAll(pipe));
  await until(() => /log lines were dropped/.test(read()), { what: "the loss to be told" });
  child.kill("SIGTERM");
  await until(() => (read(), child.exitCode !== null));
  assert.deepEqual(await exited, [0, null]);
  read();
  const all = records(text);
  const lost = all
    .map(({ message }) => Number(/^(\d+) log lines were dropped/.exec(message)?.[1] ?? 0))
    .reduce((a, b) => a + b);
  const kept = all.filter(({ message }) => /^(line of|POST)/.test(message)).length;
  assert.ok(lost > 1000, `${lost} lines were lost`);
  // Each request has its printed lines and one of its own, none of them twice.
  assert.equal(kept + lost, 100 * (lines + 1), `${kept} kept, ${lost} lost`);
});

async function firstAddress(stdout: Readable): Promise<string> {
  let text = "";
  for await (const piece of stdout) {
    text += String(piece);
    const address = /listening on (\S+)/.exec(text)?.[1];
    if (address !== undefined) return address;
  }
  throw new Error(`no address in ${text}`);
}

/** What is in the pipe now. */
function readAll(pipe: number): string {
  const pieces: Buffer[] = [];
  for (;;) {
    const piece = Buffer.alloc(65_536);
    try {
      const length = readSync(pipe, piece);
      pieces.push(piece.subarray(0, length));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EAGAIN") return Buffer.concat(pieces).toString();
      throw error;
    }
  }
}

const LISTENERS = `
const wait = (ms) => new Promise((r) => setTimeout(r, ms));
export class Model {
  async *chatCompletions(_, request) {
    request.signal.addEventListener("abort", () => console.log("heard the abort"));
    try { for (;;) { yield "x"; await wait(2); } } finally { console.log("generator ended"); await wait(1); console.log("put away"); }
  }
  predict() {}
}`;

test("what user code says of an abort carries the request's id, wherever it says it", async (t) => {
  const model = await runModel(t, LISTENERS);
  const gone = new AbortController();
  const headers = { "x-request-id": "left", traceparent: `00-${"1".repeat(32)}-${"2".repeat(16)}-01` };
  const url = `${model.url}/v1/chat/completions`;
  const answer = await fetch(url, { method: "POST", body: "{}", headers, signal: gone.signal });
  await answer.body?.getReader().read();
  gone.abort();
  for (const said of ["heard the abort", "generator ended", "put away"]) {
    const record = await until(() => model.logs().find(({ message }) => message === said), { what: said });
    assert.deepEqual([record["request_id"], record["trace_id"]], ["left", "1".repeat(32)], said);
  }
});

test("what makes the body of a Response says it with the request's id", async (t) => {
  const model = await runModel(
    t,
    `async function* words() { for (const word of ["a", "b"]) { console.log("word " + word); yield word; await new Promise((r) => setTimeout(r, 2)); } }
    export class Model { predict() { return new Response(ReadableStream.from(words()).pipeThrough(new TextEncoderStream())); }
      completions() { let n = 0; return new Response(new ReadableStream({ pull(to) { console.log("pull " + n); n++ < 2 ? to.enqueue(new Uint8Array(300_000)) : to.close(); } }, { highWaterMark: 0 })); } }`,
  );
  await (await model.predict(1, { headers: { "x-request-id": "words" } })).text();
  const headers = { "x-request-id": "pulls" };
  await (await fetch(`${model.url}/v1/completions`, { method: "POST", body: "{}", headers })).arrayBuffer();
  const expected = {
    "word a": "words",
    "word b": "words",
    "pull 0": "pulls",
    "pull 1": "pulls",
    "pull 2": "pulls",
  };
  for (const [said, id] of Object.entries(expected)) {
    const record = await until(() => model.logs().find(({ message }) => message === said), { what: said });
    assert.equal(record["request_id"], id, said);
  }
});

test("what the listeners of a WebSocket say carries its request's id", async (t) => {
  const model = await runModel(
    t,
    `export class Model { websocket(socket) { return new Promise((resolve) => {
      socket.addEventListener("message", ({ data }) => { console.log("message " + data); void socket.send(data); });
      socket.addEventListener("close", () => { console.log("closed"); resolve(); });
    }); } }`,
  );
  const socket = new WebSocket(`${model.url.replace("http", "ws")}/v1/websocket`, {
    headers: { "x-request-id": "talk" },
  });
  await once(socket, "open");
  socket.send("one");
  await once(socket, "message");
  socket.send("two");
  await once(socket, "message");
  socket.close();
  for (const said of ["message one", "message two", "closed"]) {
    const record = await until(() => model.logs().find(({ message }) => message === said), { what: said });
    assert.equal(record["request_id"], "talk", said);
  }
});

test("a traceparent that is none gives no line of its request a trace id", async (t) => {
  const model = await runModel(t, `export class Model { predict() { console.log("said"); } }`);
  await model.predict(1, { headers: { traceparent: "nonsense-abc-def-01" } });
  const ofRequest = await until(() => {
    const lines = model.logs().filter(({ request_id }) => request_id !== undefined);
    return lines.length >= 2 ? lines : null;
  });
  assert.deepEqual(
    ofRequest.map(({ trace_id }) => trace_id),
    [undefined, undefined],
  );
});

test("what is said at the end is told whole, to a reader who has fallen behind, too", async (t) => {
  const model = await runModel(
    t,
    `export class Model {
       predict() { return null; }
       shutdown() { for (let i = 0; i < 3000; i++) console.log("line " + i + " " + "x".repeat(200)); }
     }`,
  );
  const stopped = model.runtime.stop();
  // This process reads nothing while it computes: more is said meanwhile than a pipe holds.
  const end = performance.now() + 1000;
  while (performance.now() < end);
  await stopped;
  const lines = model.logText().split("\n");
  assert.equal(lines.pop(), "", "the last line has its end");
  const said = lines
    .filter((line) => line.includes("xxx"))
    .map((line) => JSON.parse(line) as { message: string });
  assert.deepEqual(
    said.map(({ message }) => Number(message.split(" ")[1])),
    Array.from({ length: 3000 }, (_, i) => i),
  );
});
