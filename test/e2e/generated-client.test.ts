import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { after, before, describe, it } from "node:test";
import { runCli } from "../helpers/run-cli.ts";
import { serveProject, type ServedProject } from "../helpers/serve-project.ts";
import { ROOT } from "../helpers/source-files.ts";
import { until } from "../helpers/until.ts";

const MODEL = `
import { HttpError } from "purlin";
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
export interface Input {
  text: string;
  /** @default 1 */
  times?: number;
  sleep?: number;
  fail?: "throw" | "http";
}
export interface Answer { label: string; "odd-name": number[]; request_id: string }
export class Model {
  /** Repeats the text. */
  async predict({ text, times = 1, sleep = 0, fail }: Input, request: Request): Promise<Answer> {
    request.signal.addEventListener("abort", () => console.log("aborted " + text));
    if (fail === "throw") throw new Error("secret");
    if (fail === "http") throw new HttpError(422, "no such label", { code: "NO_LABEL" });
    const gone = new Promise((resolve) => request.signal.addEventListener("abort", resolve));
    await Promise.race([wait(sleep), gone]);
    return { label: text.repeat(times), "odd-name": [times], request_id: request.headers.get("x-request-id") ?? "" };
  }
  async *chatCompletions(input: { count: number; breakAt?: number }): AsyncGenerator<{ token: number; text: string }> {
    try {
      for (let token = 0; token < input.count; token++) {
        if (token === input.breakAt) throw new Error("broken");
        yield { token, text: "ü\\n" };
        await wait(1);
      }
    } finally { console.log("stream of " + input.count + " ended"); }
  }
  async *completions(input: { words: string[] }): AsyncGenerator<string> {
    for (const word of input.words) { yield word; await wait(20); }
  }
  embeddings(input: Uint8Array): Float32Array { return new Float32Array([input.byteLength]); }
  static input = { embeddings: "raw" };
  async messages(input: { file: File; note: string; more: { n: number } }): Promise<string> {
    return input.file.name + " " + (await input.file.text()) + " " + input.note + " " + input.more.n;
  }
  async *responses(input: { events: string[] }): AsyncGenerator<string> {
    yield* input.events;
  }
}
`;

interface Options {
  signal?: AbortSignal;
  timeoutMs?: number;
  requestId?: string;
}

/** As the generated file has them; that it really does is for the compiler. */
interface Generated {
  createClient(options: { url: string; retries?: number; apiKey?: string; fetch?: typeof fetch }): {
    predict(input: object, options?: Options): Promise<Record<string, unknown>>;
    chatCompletions(input: object, options?: Options): Promise<{ token: number; text: string }[]>;
    chatCompletionsStream(input: object, options?: Options): AsyncGenerator<{ token: number; text: string }>;
    completionsStream(input: object, options?: Options): AsyncGenerator<string>;
    embeddings(input: Uint8Array): Promise<number[]>;
    messages(input: object): Promise<string>;
    responsesStream(input: object): AsyncGenerator<unknown>;
  };
  ModelError: new () => Error;
}

const USE = `
import { createClient, ModelError, type Answer, type Input } from "./client.ts";
const client = createClient({ url: "http://localhost:1" });
const input: Input = { text: "a", fail: "http" };
export async function use(): Promise<void> {
  const answer: Answer = await client.predict(input, { timeoutMs: 10, requestId: "x", signal: AbortSignal.timeout(1) });
  const numbers: number[] = answer["odd-name"];
  for await (const { token, text } of client.chatCompletionsStream({ count: 1 })) console.log(token + 1, text.length, numbers);
  const whole: string = await client.completions({ words: [] });
  for await (const piece of client.completionsStream({ words: [whole] })) console.log(piece.length);
  const vector: number[] = await client.embeddings(new Uint8Array(3));
  const said: string = await client.messages({ file: new File([], "a"), note: "b", more: { n: vector.length } });
  // @ts-expect-error -- text is missing
  await client.predict({ times: 3 });
  // @ts-expect-error -- predict does not stream
  client.predictStream(input);
  try { console.log(said); } catch (error) { if (error instanceof ModelError) console.log(error.code, error.status, error.details); }
}
`;

const FLAGS =
  "--ignoreConfig --strict --noEmit --noUnusedLocals --noUncheckedIndexedAccess --exactOptionalPropertyTypes --verbatimModuleSyntax " +
  "--erasableSyntaxOnly --allowImportingTsExtensions --module preserve --target es2022 --lib es2022,dom,dom.iterable --types";

describe("the client that purlin types writes", () => {
  let served: ServedProject;
  let generated: Generated;

  const cleanups: (() => unknown)[] = [];
  after(async () => {
    for (const cleanup of cleanups) await cleanup();
  });

  before(async () => {
    const whole = { after: (cleanup: () => unknown) => void cleanups.unshift(cleanup) };
    const config =
      "model_name: talk\nruntime:\n  max_queue: 0\n  validate_types: true\n  cancel_grace_seconds: 1\n";
    served = await serveProject(whole, { "config.yaml": config, "model/model.ts": MODEL });
    const file = join(served.dir, "web/client.ts");
    const wrote = await runCli(["types", served.dir, "--client", "ts", "--output", file]);
    assert.equal(wrote.code, 0, wrote.stderr);
    assert.match(wrote.stdout, /wrote .*client\.ts \(predict, chatCompletions/);
    generated = (await import(pathToFileURL(file).href)) as Generated;
  });

  it("compiles under strict settings, and so does code that uses it", async () => {
    await writeFile(join(served.dir, "web/use.ts"), USE);
    const args = [
      join(ROOT, "node_modules/typescript/bin/tsc"),
      ...FLAGS.split(" "),
      "",
      join(served.dir, "web/use.ts"),
    ];
    const compiled = spawnSync(process.execPath, args, { encoding: "utf8" });
    assert.equal(compiled.stdout, "");
  });

  it("calls, with an id of the request", async () => {
    const answer = await client().predict({ text: "ab", times: 2 }, { requestId: "mine" });
    assert.deepEqual(answer, { label: "abab", "odd-name": [2], request_id: "mine" });
  });

  it("reads streams as they come: objects, text, server-sent events; or whole", async () => {
    const items = await collect(client().chatCompletionsStream({ count: 3 }));
    assert.deepEqual(
      items,
      [0, 1, 2].map((token) => ({ token, text: "ü\n" })),
    );
    assert.deepEqual(await client().chatCompletions({ count: 2 }), items.slice(0, 2));
    const words = await collect(client().completionsStream({ words: ["one ", "two ", "drei ü"] }));
    assert.equal(words.join(""), "one two drei ü");
    assert.ok(words.length >= 2, "it came in pieces");
  });

  it("sends bytes and files", async () => {
    assert.deepEqual(await client().embeddings(new Uint8Array(7)), [7]);
    const file = new File(["body"], "a.txt", { type: "text/plain" });
    assert.equal(await client().messages({ file, note: "3", more: { n: 4 } }), "a.txt body 3 4");
  });

  it("errors have code, status, id and details", async () => {
    const refused = client().predict({ text: 3 }, { requestId: "wrong" });
    const details = [{ path: "text", message: "must be string" }];
    await assert.rejects(refused, {
      name: "ModelError",
      code: "INVALID_INPUT",
      status: 400,
      requestId: "wrong",
      details,
    });
    await assert.rejects(client().predict({ text: "a", fail: "http" }), {
      code: "NO_LABEL",
      status: 422,
      message: "no such label",
    });
    await assert.rejects(client().predict({ text: "a", fail: "throw" }), {
      code: "MODEL_ERROR",
      status: 500,
    });
    const nobody = generated.createClient({ url: "http://127.0.0.1:9" });
    await assert.rejects(nobody.predict({ text: "a" }), { code: "UNREACHABLE", status: 0 });
  });

  it("a stream that breaks is an error, after what came", async () => {
    const seen: unknown[] = [];
    const reading = (async () => {
      for await (const item of client().chatCompletionsStream({ count: 5, breakAt: 2 })) seen.push(item);
    })();
    await assert.rejects(reading, { code: "INCOMPLETE_ANSWER" });
    assert.ok(seen.length <= 2);
  });

  it("whoever aborts a call ends it on the server", async () => {
    const abort = new AbortController();
    const call = client().predict({ text: "given up", sleep: 60_000 }, { signal: abort.signal });
    setTimeout(() => abort.abort(new Error("enough")), 200);
    await assert.rejects(call, { message: "enough" });
    await until(() => served.logText().includes("aborted given up"));
  });

  it("whoever stops reading ends the stream on the server", async () => {
    for await (const { token } of client().chatCompletionsStream({ count: 123_456 })) if (token === 2) break;
    await until(() => served.logText().includes("stream of 123456 ended"));
  });

  it("time that is over is told as such, and the server knows of it", async () => {
    const began = performance.now();
    await assert.rejects(client().predict({ text: "late", sleep: 60_000 }, { timeoutMs: 300 }), {
      code: "DEADLINE_EXCEEDED",
    });
    assert.ok(performance.now() - began < 3000);
    await until(() => served.logText().includes("aborted late"));
  });

  it("an overloaded model is asked again when it says so, and not for ever", async () => {
    const busy = client().predict({ text: "busy", sleep: 1500 });
    await until(async () => (await served.post("/predict", { text: "x" })).status === 503);
    await assert.rejects(client({ retries: 0 }).predict({ text: "b" }), { code: "OVERLOADED", status: 503 });
    assert.equal((await client({ retries: 5 }).predict({ text: "patient" }))["label"], "patient");
    await busy;
    let tries = 0;
    const overloaded: typeof fetch = async () => {
      tries += 1;
      return new Response('{"error":"full","code":"OVERLOADED"}', {
        status: 503,
        headers: { "retry-after": "0" },
      });
    };
    await assert.rejects(client({ fetch: overloaded }).predict({ text: "a" }), { code: "OVERLOADED" });
    assert.equal(tries, 3);
  });

  it("server-sent events are parsed, whatever the pieces; an error event is thrown", async () => {
    const text =
      ': hi\nevent: x\ndata: {"a":\ndata: 1}\n\ndata: plain\r\n\r\ndata: [DONE]\n\nevent: error\ndata: {"error":"late","code":"MODEL_ERROR"}\n\n';
    for (const size of [1, 7, 1000]) {
      const sent: typeof fetch = async () => {
        const bytes = new TextEncoder().encode(text);
        const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
          bytes.slice(i * size, (i + 1) * size),
        );
        const body = new ReadableStream({
          start: (controller) => {
            for (const piece of pieces) controller.enqueue(piece);
            controller.close();
          },
        });
        return new Response(body, {
          headers: { "content-type": "text/event-stream" },
        });
      };
      const seen: unknown[] = [];
      const reading = (async () => {
        for await (const item of client({ fetch: sent }).responsesStream({ events: [] })) seen.push(item);
      })();
      await assert.rejects(reading, { message: "late", code: "MODEL_ERROR" });
      assert.deepEqual(seen, [{ a: 1 }, "plain"]);
    }
  });

  function client(options: object = {}) {
    return generated.createClient({ url: `${served.url}/`, ...options });
  }
});

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
