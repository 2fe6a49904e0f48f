import assert from "node:assert/strict";
import { createServer, request, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { writePiece } from "../../src/protocol/write-piece.ts";
import { sourceFiles } from "../helpers/source-files.ts";

const FIVE = ["0,", "1,", "2,", "3,", "4,"];

async function serve(t: TestContext, listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise((resolve) => server.once("listening", resolve));
  return (server.address() as AddressInfo).port;
}

/** All bytes of a connection, as they are. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    const bytes: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => bytes.push(chunk));
    socket.on("error", reject);
    socket.on("end", () => resolve(Buffer.concat(bytes).toString("latin1")));
  });
}

function chunksOf(port: number): Promise<{ chunks: string[]; trailers: NodeJS.Dict<string> }> {
  return new Promise((resolve, reject) => {
    const req = request({ port, host: "127.0.0.1" }, (res) => {
      const chunks: string[] = [];
      res.on("data", (chunk: Buffer) => chunks.push(chunk.toString("latin1")));
      res.on("end", () => resolve({ chunks, trailers: res.trailers }));
    });
    req.on("error", reject);
    req.end();
  });
}

describe("writePiece", () => {
  it("pieces of one turn with the end arrive whole, each as a chunk of its own", async (t) => {
    const port = await serve(t, (_req, res) => {
      res.writeHead(200);
      for (const piece of FIVE) writePiece(res, Buffer.from(piece));
      res.end();
    });
    assert.deepEqual((await chunksOf(port)).chunks, FIVE);
  });

  it("pieces of later turns, large pieces and the pieces after an empty piece arrive too", async (t) => {
    const large = "x".repeat(3_000_000);
    const port = await serve(t, (_req, res) => {
      res.writeHead(200);
      writePiece(res, Buffer.from("a"));
      writePiece(res, Buffer.alloc(0));
      setImmediate(() => {
        writePiece(res, Buffer.from("b"));
        writePiece(res, Buffer.from(large));
        process.nextTick(() => {
          writePiece(res, Buffer.from("c"));
          res.end();
        });
      });
    });
    const { chunks } = await chunksOf(port);
    assert.equal(chunks.join(""), `ab${large}c`);
  });

  it("an answer that the caller corked itself arrives whole", async (t) => {
    const port = await serve(t, (_req, res) => {
      res.writeHead(200);
      res.cork();
      process.nextTick(() => res.uncork());
      for (const piece of FIVE) writePiece(res, Buffer.from(piece));
      res.end();
    });
    assert.deepEqual((await chunksOf(port)).chunks, FIVE);
  });

  it("bytes may change once they are written", async (t) => {
    for (const headers of [{}, { "content-length": "10" }]) {
      const port = await serve(t, (_req, res) => {
        res.writeHead(200, headers);
        const slab = Buffer.alloc(2);
        for (const piece of FIVE) {
          slab.write(piece, "latin1");
          writePiece(res, slab);
        }
        slab.fill("!");
        res.end();
      });
      assert.equal((await chunksOf(port)).chunks.join(""), FIVE.join(""));
    }
  });

  it("each piece is reported once it is taken, in order", async (t) => {
    const taken: string[] = [];
    const port = await serve(t, (_req, res) => {
      res.writeHead(200);
      for (const piece of FIVE) writePiece(res, Buffer.from(piece), () => taken.push(piece));
      res.end();
    });
    await chunksOf(port);
    assert.deepEqual(taken, FIVE);
  });

  it("trailers come after the last piece", async (t) => {
    const port = await serve(t, (_req, res) => {
      res.writeHead(200, { trailer: "x-sum" });
      for (const piece of FIVE) writePiece(res, Buffer.from(piece));
      res.addTrailers({ "x-sum": "5" });
      res.end();
    });
    const { chunks, trailers } = await chunksOf(port);
    assert.deepEqual([chunks, trailers["x-sum"]], [FIVE, "5"]);
  });

  it("a client of HTTP/1.0 gets the bytes without chunks, and one of HEAD gets none", async (t) => {
    const port = await serve(t, (_req, res) => {
      res.writeHead(200);
      for (const piece of FIVE) writePiece(res, Buffer.from(piece));
      res.end();
    });
    const bodyOf = (answer: string): string => answer.slice(answer.indexOf("\r\n\r\n") + 4);
    assert.equal(bodyOf(await raw(port, "GET / HTTP/1.0\r\n\r\n")), FIVE.join(""));
    const head = await raw(port, "HEAD / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    assert.equal(bodyOf(head), "");
  });

  it("answers on one connection stay apart, also when the requests came together", async (t) => {
    const port = await serve(t, (req, res) => {
      const answer = (): void => {
        res.writeHead(200);
        for (const piece of FIVE) writePiece(res, Buffer.from(`${req.url}${piece}`));
        res.end();
      };
      // The first is answered last: what the others write waits for it.
      if (req.url === "/a") setImmediate(() => setImmediate(answer));
      else answer();
    });
    const get = (path: string, more = ""): string => `GET ${path} HTTP/1.1\r\nhost: a\r\n${more}\r\n`;
    const all = await raw(port, get("/a") + get("/b") + get("/c", "connection: close\r\n"));
    const bodies = all.split(/HTTP\/1\.1 200 OK\r\n/).slice(1);
    const expected = (path: string): string =>
      `${FIVE.map((piece) => `4\r\n${path}${piece}\r\n`).join("")}0\r\n\r\n`;
    assert.deepEqual(
      bodies.map((answer) => answer.slice(answer.indexOf("\r\n\r\n") + 4)),
      ["/a", "/b", "/c"].map(expected),
    );
  });

  it("no answer is corked anywhere in src/: only the channel between our own processes is", () => {
    const corking = sourceFiles("src").filter(({ text }) => /\.(un)?cork\(\)/.test(text));
    assert.deepEqual(
      corking.map(({ path }) => path),
      ["src/runtime/channel/frame-writer.ts"],
    );
  });
});
