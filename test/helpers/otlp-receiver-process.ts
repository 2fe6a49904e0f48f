// An OTLP/HTTP receiver: node --import tsx test/helpers/otlp-receiver-process.ts
// Says its address on stdout. GET /received gives all that it took; POST /behave changes how it answers next.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { decodeMetrics, decodeTraces } from "./decode-otlp.ts";

const received = {
  spans: [] as unknown[],
  /** Each export of metrics by itself: its figures are totals. */
  exports: [] as unknown[],
  resources: [] as unknown[],
  headers: [] as unknown[],
  problems: [] as string[],
  refused: 0,
};
let refusals = { count: 0, status: 503, retryAfter: "0" };

const server = createServer(async (req, res) => {
  const pieces: Buffer[] = [];
  for await (const piece of req) pieces.push(piece as Buffer);
  const body = Buffer.concat(pieces).toString();
  if (req.url === "/received") return answer(res, 200, received);
  if (req.url === "/behave") {
    refusals = JSON.parse(body) as typeof refusals;
    return answer(res, 200, {});
  }
  if (refusals.count > 0) {
    refusals.count -= 1;
    received.refused += 1;
    res.setHeader("retry-after", refusals.retryAfter);
    return answer(res, refusals.status, {});
  }
  try {
    take(req, body);
    answer(res, 200, {});
  } catch (error) {
    received.problems.push(`${req.url}: ${(error as Error).message}`);
    answer(res, 400, { message: (error as Error).message });
  }
});

function take(req: IncomingMessage, body: string): void {
  if (req.method !== "POST") throw new Error(`${req.method} is not POST`);
  if (req.headers["content-type"] !== "application/json") throw new Error(`${req.headers["content-type"]}`);
  received.headers.push(req.headers);
  const message: unknown = JSON.parse(body);
  if (req.url === "/v1/traces") {
    for (const { resource, spans } of decodeTraces(message)) {
      received.resources.push(resource);
      received.spans.push(...spans);
    }
  } else if (req.url === "/v1/metrics") {
    for (const { resource, points } of decodeMetrics(message)) {
      received.resources.push(resource);
      received.exports.push(points);
    }
  } else throw new Error("there is no such signal");
}

function answer(res: ServerResponse, status: number, value: unknown): void {
  res.writeHead(status, { "content-type": "application/json" });
  res.end(JSON.stringify(value, (_, one: unknown) => (typeof one === "bigint" ? String(one) : one)));
}

server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
// Whoever started it has gone.
process.stdin.on("end", () => process.exit(0)).resume();
