/**
 * The yardstick: node:http doing the same work with nothing in between. Prints what a packed runtime prints,
 * so that the harness starts both alike. It ends when its stdin closes: no orphan outlives the bench.
 *
 *   POST /echo     parse the JSON body, serialise it again
 *   POST /bytes    send the bytes back
 *   POST /stream   100 short chunks, one turn of the event loop for each
 *   POST /spin     5 ms of CPU on the main thread, then a small answer
 */
import { createServer } from "node:http";
import { setImmediate as turnOfTheLoop } from "node:timers/promises";
import { spin } from "../models/spin.mjs";

const handlers = { "/echo": echo, "/bytes": bytes, "/stream": stream, "/spin": compute };

const server = createServer((request, response) => {
  const handle = handlers[request.url];
  if (handle === undefined) {
    respond(response, "application/json", '{"status":"ok"}');
    return;
  }
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => handle(parts.length === 1 ? parts[0] : Buffer.concat(parts), response));
});

function echo(body, response) {
  respond(response, "application/json", JSON.stringify(JSON.parse(body.toString())));
}

function bytes(body, response) {
  respond(response, "application/octet-stream", body);
}

async function stream(body, response) {
  JSON.parse(body.toString());
  response.writeHead(200, { "content-type": "text/plain; charset=utf-8" });
  for (let index = 0; index < 100; index += 1) {
    await turnOfTheLoop();
    response.write(`token number ${1000 + index} `);
  }
  response.end();
}

function compute(body, response) {
  JSON.parse(body.toString());
  respond(response, "application/json", JSON.stringify({ spins: spin() > 0 }));
}

function respond(response, type, body) {
  response.writeHead(200, { "content-type": type, "content-length": Buffer.byteLength(body) });
  response.end(body);
}

server.listen(Number(process.env.PORT ?? 0), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
  console.log("ready");
});
process.on("SIGTERM", () => process.exit());
process.stdin.on("end", () => process.exit()).resume();
