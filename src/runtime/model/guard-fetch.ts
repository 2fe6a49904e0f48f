import { subscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";

type Listener = (...args: unknown[]) => void;

export const UNREAD_BODY_HINT =
  "A response of fetch was left unread. Read its body, or give it up: await response.body?.cancel().";

const FIRST_LOOK_MS = 50;
const LONGEST_PAUSE_MS = 2000;

/**
 * Some versions of fetch end the process when a connection ends before the response's body has been read
 * (nodejs/undici#5360): their parser, which stands still until somebody reads on, asserts in a listener of the socket
 * that it does not. The assertion concerns that socket alone, so it is caught there: the end of the connection is told to
 * the parser again once the body has been read. `onUnread` is called the first time.
 */
export function guardFetch(onUnread: () => void): void {
  let told = false;
  const tell = (): void => {
    if (!told) onUnread();
    told = true;
  };
  subscribe("undici:client:connected", (message) => {
    const { socket } = message as { socket?: Partial<Socket> };
    if (typeof socket?.rawListeners === "function") guard(socket as Socket, tell);
  });
}

/** Thrown by undici's parser because it stands still. */
function isUnreadBody(error: unknown): boolean {
  const { code, stack } = (error ?? {}) as { code?: unknown; stack?: unknown };
  return code === "ERR_ASSERTION" && typeof stack === "string" && /Parser\d*\.finish\b/.test(stack);
}

/** For the log of a process that ended all the same: in a worker thread of the model's own, no guard is there. */
export function remedy(error: unknown): { hint?: string } {
  return isUnreadBody(error) ? { hint: UNREAD_BODY_HINT } : {};
}

function guard(socket: Socket, tell: () => void): void {
  const fail = errorListeners(socket);
  replace(socket, "end", (listener, args) => {
    tell();
    // The socket stays as it is until the rest has been read, or given up, which destroys it.
    socket.allowHalfOpen = true;
    endLater(socket, () => listener.apply(socket, args));
  });
  replace(socket, "error", (_listener, [cause]) => {
    tell();
    fail(cause);
  });
  replace(socket, "close", (listener, args) => {
    tell();
    fail(undefined);
    listener.apply(socket, args);
  });
}

/** Puts a listener in the place of each: what it throws because of a body that was not read goes to `unread`. */
function replace(
  socket: Socket,
  event: "end" | "error" | "close",
  unread: (listener: Listener, args: unknown[]) => void,
): void {
  const listeners = socket.rawListeners(event) as Listener[];
  socket.removeAllListeners(event);
  for (const listener of listeners) {
    const guarded = (...args: unknown[]): void => {
      try {
        listener.apply(socket, args);
      } catch (error) {
        if (!isUnreadBody(error)) throw error;
        unread(listener, args);
      }
    };
    // Whoever added the listener removes it by what it was.
    socket.on(event, Object.assign(guarded, { listener }));
  }
}

/** Undici's own way to give up a socket: as an error that tells nothing of how much had arrived. */
function errorListeners(socket: Socket): (cause: unknown) => void {
  const listeners = socket.rawListeners("error") as Listener[];
  return (cause) => {
    const error = new Error("The connection ended before the response had been read.", { cause });
    for (const listener of listeners) listener.call(socket, Object.assign(error, { code: "UND_ERR_SOCKET" }));
  };
}

function endLater(socket: Socket, end: () => void, pause = FIRST_LOOK_MS): void {
  setTimeout(() => {
    if (socket.destroyed) return;
    try {
      end();
    } catch (error) {
      if (!isUnreadBody(error)) throw error;
      endLater(socket, end, Math.min(2 * pause, LONGEST_PAUSE_MS));
    }
  }, pause).unref();
}
