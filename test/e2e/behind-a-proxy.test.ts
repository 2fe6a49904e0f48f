// Issue 12, part 2, point 7: the real proxies, with the files of the guide, in front of a model and of a host.
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, describe, test, type TestContext } from "node:test";
import { WebSocket } from "ws";
import { makeProject } from "../helpers/build-project.ts";
import { isInstalled, type ProxyName, startProxy } from "../helpers/proxy-of-guide.ts";
import { serveProject } from "../helpers/serve-project.ts";
import { startTestHost } from "../helpers/test-host.ts";
import { until } from "../helpers/until.ts";

const NAME = "proxied";
const MODEL = `
const gates = new Map<string, { open: () => void; opened: Promise<void> }>();
const gate = (name: string) => {
  let open = () => {};
  if (!gates.has(name)) { const opened = new Promise<void>((resolve) => (open = resolve)); gates.set(name, { open, opened }); }
  return gates.get(name)!;
};
const seen = new Set<string>();
async function* pieces(name: string, first: unknown, last: unknown) {
  yield first;
  await gate(name).opened;
  yield last;
}
export class Model {
  predict(input: any, request: any) {
    if (input.go) { gate(input.go).open(); return "gone"; }
    if (input.seen) return seen.has(input.seen);
    if (input.headers) return { path: new URL(request.url).pathname, headers: Object.fromEntries(request.headers) };
    if (input.text !== undefined) return input.text.length;
    if (input.hang) {
      seen.add(input.hang + " began");
      return new Promise((resolve) => request.signal.addEventListener("abort", () => { seen.add(input.hang + " ended"); resolve(null); }));
    }
    // A generator that waits hears of it at its next item only.
    request.signal.addEventListener("abort", () => seen.add(input.stream + " ended"));
    if (input.kind === "text") return pieces(input.stream, "first", "last");
    if (input.kind === "bytes") return pieces(input.stream, Buffer.from("first"), Buffer.from("last"));
    return pieces(input.stream, { at: "first" }, { at: "last" });
  }
  chatCompletions(input: any) { return pieces(input.stream_name, { choices: ["first"] }, { choices: ["last"] }); }
}`;
const SOCKET = `export class Model {
  async websocket(socket: any) { for await (const message of socket) await socket.send(message); }
}`;
const FILES = {
  "config.yaml": `model_name: ${NAME}\nruntime: { predict_concurrency: 16 }\n`,
  "model/model.ts": MODEL,
};
const SOCKET_FILES = {
  "config.yaml": "model_name: socket\nruntime: { transport: { kind: websocket } }\n",
  "model/model.ts": SOCKET,
};

interface Place {
  kind: string;
  /** Without a proxy. */
  url: string;
  headers: Record<string, string>;
  /** Of the model's routes. */
  base: string;
  /** A model that speaks WebSocket: a model does so or has predict. */
  socket: { url: string; path: string };
}

let count = 0;

/** What each proxy must do in front of a place; `at` is its address, with a prefix or without. */
async function passes(at: string, place: Place): Promise<void> {
  const { headers } = place;
  const call = (root: string, path: string, body: unknown, init: RequestInit = {}): Promise<Response> =>
    fetch(`${root}${place.base}${path}`, {
      method: "POST",
      body: JSON.stringify(body),
      ...init,
      headers: { ...headers, ...(init.headers as object) },
    });
  const direct = async (input: unknown): Promise<unknown> =>
    (await call(place.url, "/predict", input)).json();

  for (const [kind, accept, path] of [
    ["objects", "*/*", "/predict"],
    ["objects", "text/event-stream", "/predict"],
    ["text", "*/*", "/predict"],
    ["bytes", "*/*", "/predict"],
    ["objects", "*/*", "/v1/chat/completions"],
  ] as const) {
    const name = `stream ${++count}`;
    const input = { stream: path === "/predict" ? name : true, kind, stream_name: name, model: NAME };
    const answer = await call(at, path, input, { headers: { accept } });
    assert.equal(answer.status, 200);
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    const decoder = new TextDecoder();
    // The model goes on when this one has come: a proxy that holds it back holds both for ever.
    assert.match(decoder.decode((await reader.read()).value), /first/, `${kind} ${accept} ${path}`);
    await direct({ go: name });
    let rest = "";
    for (let read = await reader.read(); !read.done; read = await reader.read())
      rest += decoder.decode(read.value);
    assert.match(rest, /last/);
  }

  const text = "x".repeat(20_000_000);
  assert.equal(await (await call(at, "/predict", { text })).json(), text.length, "a large body");
  const chunks = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(Buffer.from('{"text":"'));
      for (let i = 0; i < 100; i += 1) controller.enqueue(Buffer.alloc(10_000, "y"));
      controller.enqueue(Buffer.from('"}'));
      controller.close();
    },
  });
  const chunked = await call(at, "/predict", null, { body: chunks, duplex: "half" } as RequestInit);
  assert.equal(await chunked.json(), 1_000_000, "a body of unknown length");

  const told = await call(at, "/predict", { headers: true }, { headers: { "x-request-id": "mine-1" } });
  assert.equal(told.headers.get("x-request-id"), "mine-1");
  const { path, headers: came } = (await told.json()) as { path: string; headers: Record<string, string> };
  assert.equal(path, "/predict", "the prefix is taken away");
  assert.match(came["x-forwarded-for"] as string, /^127\.0\.0\.1/);
  assert.equal(came["x-forwarded-proto"], "http");
  const refused = await call(at, "/v1/embeddings", { model: NAME, input: "x" });
  const { error } = (await refused.json()) as { error: { type: string } };
  assert.deepEqual([refused.status, error.type], [404, "not_found_error"]);

  for (const kind of ["hang", "stream"]) {
    const name = `${kind} ${++count}`;
    const leaving = new AbortController();
    const lost = call(at, "/predict", { [kind]: name }, { signal: leaving.signal })
      .then((answer) => answer.body)
      .catch(() => null);
    if (kind === "hang") await until(() => direct({ seen: `${name} began` }), { what: name });
    else await lost;
    leaving.abort();
    await until(() => direct({ seen: `${name} ended` }), { what: `${name}: the model hears of it` });
    await lost;
  }

  const prefix = new URL(at).pathname.replace(/\/$/, "");
  const document = (await (await fetch(`${at}${place.base}/openapi.json`, { headers })).json()) as {
    servers: [{ url: string }];
  };
  assert.equal(document.servers[0].url, `${prefix}${place.base}` || "/");
}

async function echoes(at: string, { socket, headers }: Place): Promise<void> {
  const client = new WebSocket(`${at.replace("http", "ws")}${socket.path}`, { headers });
  await once(client, "open");
  client.send("grüezi");
  const [message] = (await once(client, "message")) as [Buffer];
  assert.equal(message.toString(), "grüezi");
  client.close();
  await once(client, "close");
}

describe("behind a proxy", () => {
  const cleanups: (() => unknown)[] = [];
  const t = { after: (fn: () => unknown) => void cleanups.push(fn) } as unknown as TestContext;
  after(async () => {
    for (const cleanup of cleanups) await cleanup();
  });
  let places: Promise<Place[]> | null = null;

  for (const name of ["nginx", "haproxy", "caddy"] as const) {
    const skip = isInstalled(name) ? false : `this machine has no ${name}`;
    test(`${name}, as the guide has it, at the root and below a prefix`, { skip }, async (own) => {
      for (const place of await (places ??= startPlaces(t))) {
        const address = await startProxy(own, name, place);
        const sockets = await startProxy(own, name, place.socket);
        for (const prefix of ["", "/ml"]) {
          const all = [passes(address + prefix, place), echoes(sockets + prefix, place)];
          await Promise.all(all).catch((error: unknown) => {
            throw new Error(`${place.kind} below "${prefix}": ${String(error)}`, { cause: error });
          });
        }
      }
    });
  }

  test("nginx with a plain proxy_pass streams, too", { skip: missing("nginx") }, async (own) => {
    const config =
      "events {}\nhttp { server { listen 80; location / { proxy_pass http://127.0.0.1:8080; } } }\n";
    for (const place of await (places ??= startPlaces(t))) {
      const address = await startProxy(own, "nginx", { ...place, config });
      for (const kind of ["objects", "text", "bytes"]) {
        const stream = `plain ${++count}`;
        const init = { method: "POST", headers: place.headers };
        const answer = await fetch(`${address}${place.base}/predict`, {
          ...init,
          body: JSON.stringify({ stream, kind }),
        });
        const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
        assert.match(Buffer.from((await reader.read()).value ?? []).toString(), /first/);
        await fetch(`${place.url}${place.base}/predict`, { ...init, body: JSON.stringify({ go: stream }) });
        while (!(await reader.read()).done);
      }
    }
  });
});

function missing(name: ProxyName): string | false {
  return isInstalled(name) ? false : `this machine has no ${name}`;
}

async function startPlaces(t: TestContext): Promise<Place[]> {
  const { url } = await serveProject(t, FILES);
  const { url: socketUrl } = await serveProject(t, SOCKET_FILES);
  for (const each of [url, socketUrl])
    await until(async () => (await fetch(`${each}/health/ready`)).status === 200);
  const host = await startTestHost(t, { args: ["--trust-proxy", "127.0.0.1"] });
  await host.ok(["remote", "add", "here", host.url]);
  for (const files of [FILES, SOCKET_FILES]) await host.ok(["push", await makeProject(t, files)]);
  return [
    { kind: "serve", url, headers: {}, base: "", socket: { url: socketUrl, path: "/v1/websocket" } },
    {
      kind: "host",
      url: host.url,
      headers: { authorization: `Bearer ${host.key}` },
      base: `/models/${NAME}/production/sync`,
      socket: { url: host.url, path: "/models/socket/production/websocket" },
    },
  ];
}
