import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { methodNumber } from "../../protocol/methods.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { ProcessPool } from "./process-pool.ts";
import type { RequestDone } from "./request-done.ts";
import { errorBody } from "./send-json.ts";
import { notReady } from "./request-handler.ts";
import type { Tracer } from "./tracer.ts";
import type { acceptWebSocket } from "./websocket.ts";

export interface UpgradeOptions {
  pool: ProcessPool;
  dispatcher: Dispatcher;
  done: (record: RequestDone) => void;
  tracer: Tracer | null;
  /** The runtime is ending. */
  draining: boolean;
}

export interface Upgrade {
  req: IncomingMessage;
  socket: Duplex;
  head: Buffer;
  requestId: string;
  isWebSocketRoute: boolean;
}

/** Decides about an upgrade; the WebSocket library is loaded with the first one. */
export async function handleUpgrade(upgrade: Upgrade, options: UpgradeOptions): Promise<void> {
  const { socket, requestId } = upgrade;
  socket.on("error", () => undefined);
  if (!upgrade.isWebSocketRoute) {
    return refuseUpgrade(socket, 404, { code: "NOT_FOUND", error: "No such route.", requestId });
  }
  if (options.draining) {
    return refuseUpgrade(socket, 503, {
      code: "SHUTTING_DOWN",
      error: "The server is shutting down.",
      requestId,
    });
  }
  // A connection cannot wait in a queue: what its client sends meanwhile would have no place.
  if (options.pool.info === null || options.pool.ready.length === 0) {
    const { code, error } = notReady(options.pool);
    return refuseUpgrade(socket, 503, { code, error, requestId });
  }
  const file = "./websocket.mjs";
  const { acceptWebSocket: accept } = (await import(file)) as { acceptWebSocket: typeof acceptWebSocket };
  accept(upgrade, options, methodNumber("websocket"));
}

function refuseUpgrade(socket: Duplex, status: number, answer: Parameters<typeof errorBody>[1]): void {
  const body = errorBody("plain", answer);
  const reason = status === 404 ? "Not Found" : "Service Unavailable";
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
