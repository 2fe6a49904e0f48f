import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { httpServer } from "../helpers/http-server.ts";
import { runCli } from "../helpers/run-cli.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";
import { until } from "../helpers/until.ts";

interface Seen {
  method: string;
  url: string;
  headers: IncomingMessage["headers"];
  body: Buffer;
}

/** A server that notes what it was asked and answers with `answer`. */
async function model(t: TestContext, answer: (response: ServerResponse, seen: Seen) => void) {
  const requests: Seen[] = [];
  const listener: RequestListener = async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = "", url = "", headers } = request;
    const seen = { method, url, headers, body: Buffer.concat(chunks) };
    requests.push(seen);
    answer(response, seen);
  };
  return { ...(await httpServer(t, listener)), requests };
}

const json = (response: ServerResponse, status: number, value: unknown): void => {
  response
    .writeHead(status, { "content-type": "application/json", "x-request-id": "r-1" })
    .end(JSON.stringify(value));
};

const echo = (response: ServerResponse, seen: Seen): void =>
  json(response, 200, JSON.parse(seen.body.toString()));

describe("purlin predict --local", () => {
  it("sends a form from -F, its fields as curl has them", async (t) => {
    const { url, requests } = await model(t, (response) => json(response, 200, 1));
    const dir = await tmpDir(t);
    await writeFile(join(dir, "a b.bin"), Uint8Array.of(0, 255, 13, 10));
    await writeFile(join(dir, "b.JPG"), "");
    const fields = [
      "text=zwölf=12;x",
      "image=@a b.bin;type=image/png",
      'options={"k": 1};type=application/json',
    ];
    const argv = [...fields, "text=", "raw=@a b.bin", "photo=@b.JPG"].flatMap((field) => ["-F", field]);
    const run = await runCli(["predict", "--local", url, ...argv], { cwd: dir });
    assert.deepEqual([run.code, run.stdout, run.stderr], [0, "1\n", ""]);
    const [{ headers, body }] = requests as [Seen];
    const type = { "content-type": headers["content-type"] as string };
    const form = await new Response(new Uint8Array(body), { headers: type }).formData();
    assert.deepEqual(
      [form.getAll("text"), headers["content-length"]],
      [["zwölf=12;x", ""], String(body.length)],
    );
    const tell = async (name: string) => {
      const file = form.get(name) as File;
      return [file.name, file.type, [...new Uint8Array(await file.arrayBuffer())]];
    };
    assert.deepEqual(await tell("image"), ["a b.bin", "image/png", [0, 255, 13, 10]]);
    assert.deepEqual(await tell("raw"), ["a b.bin", "application/octet-stream", [0, 255, 13, 10]]);
    assert.deepEqual(await tell("photo"), ["b.JPG", "image/jpeg", []], "by its ending, as for input_file");
    const [name, optionsType, bytes] = await tell("options");
    assert.deepEqual(
      [name, optionsType, Buffer.from(bytes as number[]).toString()],
      ["blob", "application/json", '{"k": 1}'],
    );

    const wrong: [argv: string[], why: RegExp][] = [
      [["-F", "nothing"], /-F nothing is no field of a form/],
      [["-F", "a=@missing.png"], /There is no file missing.png/],
      [["-F", "a=@."], /\. is a folder/],
      [["-F", "a=1", "-d", "1"], /beside another input/],
    ];
    for (const [given, why] of wrong) {
      const refused = await runCli(["predict", "--local", url, ...given], { cwd: dir });
      assert.equal(refused.code, 2, refused.stderr);
      assert.match(refused.stderr, why);
    }
  });

  it("sends JSON from -d, -f or stdin and prints the answer alone", async (t) => {
    const { url, requests } = await model(t, echo);
    const dir = await tmpDir(t);
    await writeFile(join(dir, "in put.json"), '{"a": "ü"}');
    for (const [argv, input] of [
      [["-d", '{"a": "ü"}'], undefined],
      [["-f", "in put.json"], undefined],
      [[], '{"a": "ü"}'],
      [["-f", "-"], '{"a": "ü"}'],
    ] as const) {
      const run = await runCli(["predict", "--local", url, ...argv], {
        cwd: dir,
        ...(input ? { input } : {}),
      });
      assert.deepEqual([run.code, run.stdout, run.stderr], [0, '{"a":"ü"}\n', ""]);
    }
    assert.equal(requests.length, 4);
    for (const { method, url: path, headers } of requests) {
      assert.deepEqual([method, path], ["POST", "/predict"]);
      assert.equal(headers["content-type"], "application/json");
      assert.equal(headers.accept, "application/json");
    }
  });

  it("takes any JSON value, and answers with any", async (t) => {
    const { url } = await model(t, echo);
    for (const value of ["null", "3", '"x"', "[1]"]) {
      const run = await runCli(["predict", "--local", url, "-d", value, "--json"]);
      assert.deepEqual([run.code, run.stdout], [0, `${value}\n`]);
    }
  });

  it("calls the method that is named, however it is spelt", async (t) => {
    const { url, requests } = await model(t, echo);
    for (const name of ["chatCompletions", "chat_completions", "chat-completions"]) {
      assert.equal((await runCli(["predict", "--local", url, "--method", name, "-d", "{}"])).code, 0);
    }
    assert.deepEqual(
      requests.map((request) => request.url),
      Array.from({ length: 3 }, () => "/v1/chat/completions"),
    );
    const unknown = await runCli(["predict", "--local", url, "--method", "guess", "-d", "{}"]);
    assert.equal(unknown.code, 2);
    assert.match(unknown.stderr, /There are: predict, chatCompletions/);
  });

  it("sends a file that is no text as bytes, and prints bytes as they are", async (t) => {
    const { url, requests } = await model(t, (response, seen) => {
      response.writeHead(200, { "content-type": "application/octet-stream" }).end(seen.body);
    });
    const dir = await tmpDir(t);
    const bytes = Buffer.concat([Buffer.from([0, 255, 128]), randomBytes(300_000)]);
    await writeFile(join(dir, "photo.jpg"), bytes);
    const run = await runCli(["predict", "--local", url, "-f", "photo.jpg"], { cwd: dir });
    assert.equal(run.code, 0);
    assert.ok(run.stdoutBytes.equals(bytes));
    assert.equal(requests[0]?.headers["content-type"], "application/octet-stream");
    assert.equal(requests[0]?.headers["content-length"], String(bytes.length));

    const typed = await runCli(
      ["predict", "--local", url, "-f", "photo.jpg", "--content-type", "image/jpeg", "--json"],
      {
        cwd: dir,
      },
    );
    assert.equal(requests[1]?.headers["content-type"], "image/jpeg");
    const { base64 } = typed.json() as { base64: string };
    assert.ok(Buffer.from(base64, "base64").equals(bytes));
  });

  it("prints the pieces of a stream as they come", async (t) => {
    let sendRest = (): void => {};
    const { url, requests } = await model(t, (response) => {
      response.writeHead(200, { "content-type": "text/plain; charset=utf-8" });
      response.write("one ");
      sendRest = () => response.end("two");
    });
    let early = "";
    const run = runCli(["predict", "--local", url, "--stream", "-d", "{}"], {
      onStdout: (chunk) => {
        early += Buffer.from(chunk).toString();
      },
    });
    await until(() => early === "one ", { what: "the first piece" });
    sendRest();
    assert.deepEqual([(await run).code, (await run).stdout], [0, "one two"]);
    assert.equal(requests[0]?.headers.accept, "*/*");
  });

  it("a stream that breaks off is an error, not a short answer", async (t) => {
    const { url } = await model(t, (response) => {
      response.writeHead(200, { "content-type": "text/plain" });
      response.write("012", () => response.destroy());
    });
    for (const flags of [["--stream"], []]) {
      const run = await runCli(["predict", "--local", url, ...flags, "-d", "{}", "--json"]);
      assert.equal(run.code, 1);
      const [error] = run.stdout.split("\n").filter((line) => line.includes("error"));
      assert.match(String(error), /"REQUEST_FAILED".*cut off after 3 bytes/);
    }
  });

  it("a length that is not kept is an error", async (t) => {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345"));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => server.close());
    const { port } = server.address() as { port: number };
    const run = await runCli(["predict", "--local", String(port), "-d", "{}"]);
    assert.equal(run.code, 1);
    assert.match(run.stderr, /cut off after 5 bytes/);
  });

  it("an error event at the end of an SSE stream is an error", async (t) => {
    const { url } = await model(t, (response) => {
      response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
      response.write("data: 1\n\n");
      response.end('\nevent: error\ndata: {"error":"Broken.","code":"MODEL_ERROR","request_id":"r-9"}\n\n');
    });
    const run = await runCli(["predict", "--local", url, "--stream", "-d", "{}"]);
    assert.equal(run.code, 1);
    assert.match(run.stdout, /^data: 1\n\n/);
    assert.match(run.stderr, /broke off its stream: 200 MODEL_ERROR: Broken\. \(request r-9\)/);
  });

  it("an error answer ends with 1 and carries status, code, request id and details", async (t) => {
    const details = [{ path: ["prompt"], message: "Required" }];
    const { url } = await model(t, (response) => {
      json(response, 400, {
        error: "The input is not valid.",
        code: "INVALID_INPUT",
        request_id: "r-7",
        details,
      });
    });
    const text = await runCli(["predict", "--local", url, "-d", "{}"]);
    assert.equal(text.code, 1);
    assert.equal(text.stdout, "");
    assert.match(
      text.stderr,
      /answered 400 INVALID_INPUT: The input is not valid\. \(request r-7\)\n {2}prompt: Required/,
    );
    const run = await runCli(["predict", "--local", url, "-d", "{}", "--json"]);
    const { error } = run.json() as { error: Record<string, unknown> };
    assert.equal(error["code"], "ERROR_ANSWER");
    assert.deepEqual(
      [error["status"], error["server_code"], error["request_id"], error["details"]],
      [400, "INVALID_INPUT", "r-7", details],
    );
  });

  it("an error page of something else is an error too", async (t) => {
    const { url } = await model(t, (response) => response.writeHead(502).end("<h1>Bad Gateway</h1>"));
    const run = await runCli(["predict", "--local", url, "-d", "{}"]);
    assert.equal(run.code, 1);
    assert.match(run.stderr, /answered 502: <h1>Bad Gateway/);
  });

  it("says that nothing listens, and what would", async () => {
    const run = await runCli(["predict", "--local", "http://127.0.0.1:1", "-d", "{}"]);
    assert.equal(run.code, 1);
    assert.match(run.stderr, /Nothing listens on http:\/\/127\.0\.0\.1:1\.\n.*purlin serve/);
  });

  it("--timeout ends a call that takes too long", async (t) => {
    const { url } = await model(t, () => {});
    const run = await runCli(["predict", "--local", url, "-d", "{}", "--timeout", "150ms"]);
    assert.equal(run.code, 1);
    assert.match(run.stderr, /did not finish its answer within 0\.15 s\.\n.*--timeout/);
  });

  it("being stopped ends the call with 128 and the signal", async (t) => {
    const stop = new AbortController();
    const { CancelledError } = await import("../../src/errors.ts");
    const { url } = await model(t, () => stop.abort(new CancelledError("SIGINT")));
    const run = await runCli(["predict", "--local", url, "-d", "{}"], { signal: stop.signal });
    assert.equal(run.code, 130);
  });
});

describe("input of purlin predict", () => {
  it("both -d and -f, neither, or no JSON: exit code 2, before anything is sent", async (t) => {
    const dir = await tmpDir(t);
    await writeFile(join(dir, "bad.json"), '{"a": 1,\n  b}');
    const predict = (argv: string[], options = {}) =>
      runCli(["predict", "--local", "1", ...argv], { cwd: dir, ...options });
    for (const [argv, options, message] of [
      [["-d", "{}", "-f", "bad.json"], {}, /Both -d and -f/],
      [[], { tty: { stdin: true } }, /There is no input/],
      [[], {}, /stdin is empty/],
      [["-d", "{bad"], {}, /not JSON[\s\S]*-d:1:2/],
      [["-f", "bad.json"], {}, /not JSON[\s\S]*bad\.json:2:3\n\s+2 \| {3}b\}\n\s+\| {3}\^/],
      [["-f", "none.json"], {}, /There is no file none\.json/],
      [["-f", "."], {}, /is a folder/],
    ] as [string[], object, RegExp][]) {
      const run = await predict(argv, options);
      assert.equal(run.code, 2, argv.join(" "));
      assert.match(run.stderr, message);
      assert.equal(run.stdout, "");
    }
  });

  it("without --local says what there is", async () => {
    const run = await runCli(["predict", "-d", "{}"]);
    assert.equal(run.code, 2);
    assert.match(run.stderr, /--local http:\/\/127\.0\.0\.1:8080/);
  });

  it("refuses what is no address", async () => {
    const run = await runCli(["predict", "--local", "ftp://x", "-d", "{}"]);
    assert.equal(run.code, 2);
    assert.match(run.stderr, /is not an address/);
  });
});
