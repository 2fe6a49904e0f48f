// Issue 3, item 4: everything passes through unchanged both ways.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import {
  createServer as createHttpServer,
  type IncomingMessage,
  request,
  type RequestListener,
} from "node:http";
import { connect, createServer as createTcpServer, type Socket } from "node:net";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type Address, parseAddress } from "../../../src/protocol/address.ts";
import { readMetric } from "../../helpers/read-metric.ts";
import { runModel } from "../../helpers/run-model.ts";
import { tmpDir } from "../../helpers/tmp-dir.ts";
import { until } from "../../helpers/until.ts";
import { startRouter } from "./start-router.ts";

const PATH = "/models/m/environments/production/predict";
const MIB = 1024 * 1024;

/** An upstream of node:http on a unix socket, for what no runtime would do. */
async function upstream(t: TestContext, answer: RequestListener): Promise<Address> {
  const path = join(await tmpDir(t, "pu-"), "s");
  const server = createHttpServer(answer);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { kind: "unix", path };
}

/** One that speaks no HTTP at all, or bad one. */
async function rawUpstream(t: TestContext, onSocket: (socket: Socket) => void): Promise<Address> {
  const path = join(await tmpDir(t, "pu-"), "s");
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { kind: "unix", path };
}

/** With what fetch hides: raw headers, trailers, how it ended. */
function ask(
  port: number,
  options: { method?: string; path?: string; headers?: string[]; body?: string | Buffer },
): Promise<{ answer: IncomingMessage; body: Buffer; whole: boolean }> {
  return new Promise((resolve, reject) => {
    const { method = "POST", path = PATH, headers = [], body = "{}" } = options;
    const call = request({
      port,
      host: "127.0.0.1",
      method,
      path,
      headers: ["Host", "x", ...headers],
      agent: false,
    });
    call.on("error", reject);
    call.on("response", (answer) => {
      const pieces: Buffer[] = [];
      answer.on("data", (piece: Buffer) => pieces.push(piece));
      answer.on("error", () => undefined);
      answer.on("close", () => resolve({ answer, body: Buffer.concat(pieces), whole: answer.complete }));
    });
    call.end(method === "GET" || method === "HEAD" ? undefined : body);
  });
}

describe("the router", () => {
  it("passes status, headers with their duplicates, and bodies of any bytes both ways", async (t) => {
    const seen: { headers: string[]; url: string; method: string; body: Buffer }[] = [];
    const address = await upstream(t, (req, res) => {
      const pieces: Buffer[] = [];
      req.on("data", (piece: Buffer) => pieces.push(piece));
      req.on("end", () => {
        seen.push({
          headers: req.rawHeaders,
          url: req.url as string,
          method: req.method as string,
          body: Buffer.concat(pieces),
        });
        res.writeHead(418, "Short and stout", ["Set-Cookie", "a=1", "Set-Cookie", "b=2", "X-Odd", "välue"]);
        res.end(Buffer.concat(pieces));
      });
    });
    const { port, traffic } = await startRouter(t);
    traffic.add({ id: "a", address });
    const bytes = randomBytes(300_000);
    const { answer, body, whole } = await ask(port, {
      path: "/models/m/environments/production/sync/v1/odd%20path?q=1&q=2",
      headers: [
        "X-Twice",
        "one",
        "X-Twice",
        "two",
        "Content-Type",
        "application/x-odd",
        "Connection",
        "close, X-Mine",
        "X-Mine",
        "hop",
      ],
      body: bytes,
    });
    assert.ok(whole);
    assert.equal(answer.statusCode, 418);
    assert.equal(answer.statusMessage, "Short and stout");
    assert.deepEqual(answer.headers["set-cookie"], ["a=1", "b=2"]);
    assert.ok(body.equals(bytes));
    const [got] = seen;
    assert.equal(got?.url, "/v1/odd%20path?q=1&q=2");
    assert.ok(got.body.equals(bytes));
    const names = got.headers.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());
    assert.equal(names.filter((name) => name === "x-twice").length, 2);
    assert.ok(!names.includes("x-mine"), "what is for this hop alone stays here");
    assert.ok(names.includes("x-request-id") && names.includes("x-forwarded-for"));
  });

  it("keeps the caller's key to itself, in whichever header it came", async (t) => {
    const address = await upstream(t, (req, res) => {
      req.resume();
      res.end(JSON.stringify([req.headers.authorization ?? "", req.headers["x-api-key"] ?? ""]));
    });
    const { port, traffic } = await startRouter(t);
    traffic.add({ id: "a", address });
    const seen = async (headers: string[]): Promise<unknown> =>
      JSON.parse((await ask(port, { headers })).body.toString());
    assert.deepEqual(await seen(["Authorization", "Bearer key"]), ["", ""]);
    assert.deepEqual(await seen(["X-Api-Key", "key"]), ["", ""]);
    // The key is the other one: this is between the caller and the model.
    assert.deepEqual(await seen(["Authorization", "Bearer key", "X-Api-Key", "theirs"]), ["", "theirs"]);
  });

  it("passes trailers, empty answers, HEAD and 304 as they are", async (t) => {
    const address = await upstream(t, (req, res) => {
      req.resume();
      if (req.method === "HEAD") return res.writeHead(200, { "content-length": "1234" }).end();
      if (req.headers["x-want"] === "304") return res.writeHead(304, { etag: "x" }).end();
      if (req.headers["x-want"] === "204") return res.writeHead(204).end();
      res.writeHead(200, { trailer: "X-Sum" });
      res.write("body");
      res.addTrailers({ "X-Sum": "42" });
      res.end();
    });
    const { port, traffic } = await startRouter(t);
    traffic.add({ id: "a", address });
    const whole = await ask(port, { headers: ["TE", "trailers"] });
    assert.equal(whole.answer.trailers["x-sum"], "42");
    const head = await ask(port, { method: "HEAD", path: "/models/m/environments/production/sync/x" });
    assert.equal(head.answer.headers["content-length"], "1234");
    assert.equal((await ask(port, { headers: ["X-Want", "304"] })).answer.statusCode, 304);
    assert.equal((await ask(port, { headers: ["X-Want", "204"] })).body.length, 0);
  });

  it("an answer that breaks off upstream breaks off here: it never looks whole", async (t) => {
    const address = await upstream(t, (req, res) => {
      req.resume();
      res.writeHead(200, req.headers["x-sized"] === undefined ? {} : { "content-length": "1000" });
      res.write("half of it");
      setTimeout(() => res.destroy(), 20);
    });
    const { port, traffic } = await startRouter(t);
    traffic.add({ id: "a", address });
    for (const headers of [[], ["X-Sized", "1"]]) {
      const { whole, body } = await ask(port, { headers });
      assert.equal(String(body), "half of it");
      assert.equal(whole, false);
    }
    await until(() => traffic.inFlight === 0);
  });

  it("a replica that goes before its answer is REPLICA_LOST; what speaks no HTTP is no better", async (t) => {
    const { port, traffic } = await startRouter(t, { router: { waitMs: 1000 } });
    for (const onSocket of [
      (socket: Socket) => socket.once("data", () => socket.destroy()),
      (socket: Socket) => socket.once("data", () => socket.end("this is no HTTP\r\n\r\n")),
      (socket: Socket) =>
        socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: nonsense\r\n\r\n")),
    ]) {
      traffic.add({ id: "bad", address: await rawUpstream(t, onSocket) });
      const { answer, body } = await ask(port, {});
      const { code, request_id } = JSON.parse(String(body)) as { code: string; request_id: string };
      assert.deepEqual([answer.statusCode, code], [502, "REPLICA_LOST"]);
      assert.equal(request_id, answer.headers["x-request-id"]);
      await traffic.remove("bad");
    }
  });

  it("a request that no replica has begun goes to another one", async (t) => {
    const good = await upstream(t, (req, res) => void req.resume().on("end", () => res.end("good")));
    const { port, traffic } = await startRouter(t);
    traffic.add({ id: "gone", address: { kind: "unix", path: join(await tmpDir(t, "pu-"), "nobody") } });
    traffic.add({ id: "good", address: good });
    for (let i = 0; i < 20; i++) {
      const { answer, body } = await ask(port, { body: `{"i":${i}}` });
      assert.deepEqual([answer.statusCode, String(body)], [200, "good"]);
    }
  });

  it("waits for a replica where there is none, in a bounded line, for a bounded time", async (t) => {
    let asked = 0;
    const { url, traffic } = await startRouter(t, {
      traffic: { maxWaiting: 3, waitMs: 400, onDemand: () => (asked += 1) },
    });
    const post = async (): Promise<[number, string, string | null]> => {
      const answer = await fetch(url + PATH, { method: "POST", body: "{}" });
      const { code } = (await answer.json()) as { code: string };
      return [answer.status, code, answer.headers.get("retry-after")];
    };
    const waiting = [post(), post(), post()];
    await until(() => traffic.queued === 3);
    assert.ok(asked >= 1);
    const over = await post();
    assert.deepEqual(over.slice(0, 2), [503, "OVERLOADED"]);
    assert.match(over[2] ?? "", /^[1-9]/);
    for (const each of waiting) assert.deepEqual((await each).slice(0, 2), [503, "WAKE_TIMEOUT"]);
    const late = fetch(url + PATH, { method: "POST", body: "{}" });
    await until(() => traffic.queued === 1);
    traffic.add({
      id: "a",
      address: await upstream(t, (req, res) => void req.resume().on("end", () => res.end("{}"))),
    });
    assert.equal((await late).status, 200);
  });

  it("the least loaded replica gets the next request; one that is removed ends what it has", async (t) => {
    const held: (() => void)[] = [];
    const counts = { a: 0, b: 0 };
    const { port, traffic } = await startRouter(t);
    for (const id of ["a", "b"] as const) {
      const address = await upstream(t, (req, res) => {
        counts[id] += 1;
        req.resume();
        held.push(() => res.end(id));
      });
      traffic.add({ id, address });
    }
    const answers = Array.from({ length: 10 }, () => ask(port, {}));
    await until(() => held.length === 10);
    assert.deepEqual(counts, { a: 5, b: 5 });
    let drained = false;
    void traffic.remove("a").then(() => (drained = true));
    const more = Array.from({ length: 4 }, () => ask(port, {}));
    await until(() => held.length === 14);
    assert.deepEqual(counts, { a: 5, b: 9 });
    assert.equal(drained, false);
    for (const release of held) release();
    for (const { answer } of await Promise.all([...answers, ...more])) assert.equal(answer.statusCode, 200);
    await until(() => drained);
  });

  it("no request is lost while replicas come and go under load", async (t) => {
    const { port, traffic } = await startRouter(t);
    const addresses = await Promise.all(
      Array.from({ length: 4 }, () =>
        upstream(t, (req, res) => void req.resume().on("end", () => setTimeout(() => res.end("ok"), 3))),
      ),
    );
    traffic.add({ id: "0-0", address: addresses[0] as Address });
    const state = { over: false, asked: 0 };
    const failures: string[] = [];
    const clients = Array.from({ length: 16 }, async () => {
      while (!state.over) {
        state.asked += 1;
        const { answer, body } = await ask(port, {});
        if (answer.statusCode !== 200) failures.push(`${answer.statusCode} ${String(body)}`);
      }
    });
    // On a slow machine it takes more rounds until there was load.
    for (let round = 0; round < 30 || (state.asked <= 200 && round < 400); round++) {
      const id = `${(round + 1) % 4}-${round + 1}`;
      traffic.add({ id, address: addresses[(round + 1) % 4] as Address });
      void traffic.remove(`${round % 4}-${round}`);
      await delay(15);
    }
    state.over = true;
    await Promise.all(clients);
    assert.deepEqual(failures, []);
    assert.ok(state.asked > 200, String(state.asked));
  });

  it("a client that goes ends its request on the model, also in the middle of a stream", async (t) => {
    const source = `export class Model {
      async predict(input, { signal }) {
        if (input.stream) return this.items();
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        return null;
      }
      async *items() { for (let i = 0; ; i++) { yield "item " + i + "\\n"; await new Promise((r) => setTimeout(r, 1)); } }
    }`;
    const model = await runModel(t, source, { config: "runtime: {predict_concurrency: 8}" });
    const { url, traffic } = await startRouter(t);
    traffic.add({ id: "a", address: parseAddress(model.url) });
    const busy = (): Promise<number> => readMetric(model.url, "purlin_requests_in_flight");
    const leave = new AbortController();
    const hanging = Array.from({ length: 4 }, () =>
      fetch(url + PATH, { method: "POST", body: "{}", signal: leave.signal }).catch(() => "gone"),
    );
    const streams = await Promise.all(
      Array.from({ length: 3 }, () =>
        fetch(url + PATH, { method: "POST", body: '{"stream":true}', signal: leave.signal }),
      ),
    );
    for (const { body } of streams) await body?.getReader().read();
    await until(async () => (await busy()) === 7);
    leave.abort();
    await Promise.all(hanging);
    await until(async () => (await busy()) === 0);
    await until(() => traffic.inFlight === 0);
    assert.equal(traffic.metrics().cancelled, 7);
  });

  it("64 MiB in and out go at the pace of the slower side, without being gathered", async (t) => {
    const address = await upstream(t, (req, res) => {
      res.writeHead(200);
      req.pipe(res);
    });
    const { port, traffic } = await startRouter(t);
    traffic.add({ id: "a", address });
    const before = process.memoryUsage.rss();
    const socket = connect(port, "127.0.0.1");
    t.after(() => socket.destroy());
    socket.write(
      `POST ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: ${64 * MIB}\r\nConnection: close\r\n\r\n`,
    );
    const piece = Buffer.alloc(MIB, 1);
    let sent = 0;
    const feed = (): void => {
      while (sent < 64 && socket.write(piece)) sent += 1;
      if (sent < 64) socket.once("drain", () => ((sent += 1), feed()));
    };
    feed();
    // Nobody reads: what is on its way must stop somewhere.
    await delay(300);
    assert.ok(sent < 60, `${sent} MiB were taken though nobody reads the answer`);
    let received = 0;
    socket.on("data", (bytes) => (received += bytes.length));
    await new Promise((resolve) => socket.once("close", resolve));
    assert.ok(received >= 64 * MIB, String(received));
    assert.ok(process.memoryUsage.rss() - before < 150 * MIB);
  });

  it("routes OpenAI-style calls by the model that their body names, wherever in it that is", async (t) => {
    const bodies: string[] = [];
    const address = await upstream(t, (req, res) => {
      let text = "";
      req.setEncoding("utf8").on("data", (piece: string) => (text += piece));
      req.on("end", () => {
        bodies.push(text);
        res.end(req.url);
      });
    });
    const { url, traffic, resolved } = await startRouter(t);
    traffic.add({ id: "a", address });
    const post = (path: string, body: string): Promise<Response> =>
      fetch(url + path, { method: "POST", body });
    for (const [model, target] of [
      ["m", { environment: "production" }],
      ["m@staging", { environment: "staging" }],
    ] as const) {
      for (const text of [
        `{"model":"${model}","messages":[]}`,
        `{"messages":[{"content":"\\"model\\":\\"other\\""}],"nested":{"model":"wrong"},"model" : "${model}"}`,
      ]) {
        const answer = await post("/v1/chat/completions", text);
        assert.equal(await answer.text(), "/v1/chat/completions");
        assert.equal(bodies.at(-1), text, "the body is the one that was sent");
        assert.deepEqual(resolved.at(-1), { model: "m", target });
      }
    }
    assert.equal((await post("/v1/embeddings", '{"model":"m"}')).status, 200);
    const unknown = await post("/v1/chat/completions", '{"model":"nobody"}');
    assert.deepEqual([unknown.status, ((await unknown.json()) as { code: string }).code], [404, "NOT_FOUND"]);
    for (const bad of ["{}", "[]", "no json", '{"model":7}']) {
      assert.equal((await post("/v1/chat/completions", bad)).status, 400, bad);
    }
  });

  it("closing takes nothing new, ends what runs, and cuts off what does not end", async (t) => {
    const address = await upstream(t, (req, res) => {
      req.resume();
      if (req.headers["x-hang"] === undefined) setTimeout(() => res.end("late"), 150);
    });
    const { port, traffic, router } = await startRouter(t);
    traffic.add({ id: "a", address });
    const late = ask(port, {});
    const hung = ask(port, { headers: ["X-Hang", "1"] }).catch((error: Error) => error);
    await until(() => traffic.inFlight === 2);
    const closed = router.close(500);
    const refused = await ask(port, {});
    assert.equal(refused.answer.statusCode, 503);
    assert.match(String(refused.body), /SHUTTING_DOWN/);
    assert.equal(String((await late).body), "late");
    await closed;
    assert.ok((await hung) instanceof Error);
  });
});
