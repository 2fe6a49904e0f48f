import { unlinkSync } from "node:fs";
import type { Server } from "node:http";
import { connect } from "node:net";
import type { FrontOptions } from "./options.ts";

/** Listening failed; the message is one clear sentence. */
export class ListenError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** Listens and gives the address in the form that is printed. */
export async function listen(server: Server, where: FrontOptions["listen"]): Promise<string> {
  try {
    return await tryListen(server, where);
  } catch (error) {
    if ("socket" in where && (error as ListenError).code === "EADDRINUSE" && (await isStale(where.socket))) {
      unlinkSync(where.socket);
      return tryListen(server, where);
    }
    throw error;
  }
}

function tryListen(server: Server, where: FrontOptions["listen"]): Promise<string> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => reject(explain(error, where));
    server.once("error", failed);
    server.listen("socket" in where ? { path: where.socket } : { ...where, backlog: 1024 }, () => {
      server.off("error", failed);
      const address = server.address();
      if (address === null || typeof address === "string") return resolve(`unix:${String(address)}`);
      const host = address.family === "IPv6" ? `[${address.address}]` : address.address;
      resolve(`http://${host}:${address.port}`);
    });
  });
}

/** A socket file that nobody listens on is left from a process that was killed. */
function isStale(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.on("connect", () => {
      probe.destroy();
      resolve(false);
    });
    probe.on("error", (error: NodeJS.ErrnoException) => resolve(error.code === "ECONNREFUSED"));
  });
}

function explain(error: NodeJS.ErrnoException, where: FrontOptions["listen"]): ListenError {
  const code = error.code ?? "";
  const place = "socket" in where ? where.socket : `${where.host}:${where.port}`;
  if (code === "EADDRINUSE") return new ListenError(code, `Another process listens on ${place}.`);
  if (code === "EACCES") return new ListenError(code, `Listening on ${place} is not allowed.`);
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND" || code === "EAI_AGAIN") {
    return new ListenError(code, `${place} is not an address of this machine.`);
  }
  return new ListenError(code, `Listening on ${place} failed: ${error.message}`);
}
