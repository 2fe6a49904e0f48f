import type { WebSocket } from "ws";

/** "Internal error" is what the contract closes a failed connection with. */
const FAILED = 1011;
/** For the close frame to leave: whoever answers no ping may not answer it either. */
const CLOSE_MS = 1000;

export interface Pings {
  stop(): void;
}

/**
 * Pings a client every so many seconds and closes a connection that does not answer within the timeout; without
 * one, it must answer before the next ping is due.
 */
export function startPings(client: WebSocket, intervalSeconds: number, timeoutSeconds: number | null): Pings {
  const timeoutMs = (timeoutSeconds ?? intervalSeconds) * 1000;
  let deadline: NodeJS.Timeout | null = null;
  const answered = (): void => {
    if (deadline !== null) clearTimeout(deadline);
    deadline = null;
  };
  const giveUp = (): void => {
    // While the model is behind, nothing is read from the client, its answers included.
    if (client.isPaused) {
      deadline = setTimeout(giveUp, timeoutMs);
      return;
    }
    stop();
    client.close(FAILED, "The client did not answer a ping in time.");
    setTimeout(() => client.terminate(), CLOSE_MS).unref();
  };
  const pings = setInterval(() => {
    client.ping();
    deadline ??= setTimeout(giveUp, timeoutMs);
  }, intervalSeconds * 1000);
  const stop = (): void => {
    clearInterval(pings);
    answered();
  };
  client.on("pong", answered);
  return { stop };
}
