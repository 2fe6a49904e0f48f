import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { HostError } from "../host-error.ts";
import { framing, requestHeaders } from "./forward-headers.ts";
import { type HeldBody, hasBody, isSmall, NO_BODY, readSmallBody, UNREAD } from "./held-body.ts";
import { parseRoute, parseUpgradeRoute, type Target } from "./parse-route.ts";
import { ModelPeeker } from "./peek-model.ts";
import { proxyRequest } from "./proxy-request.ts";
import { proxyUpgrade } from "./proxy-upgrade.ts";
import { requestId } from "./request-id.ts";
import { refuseUpgrade, sendHostError } from "./send-host-error.ts";
import type { Traffic } from "./traffic.ts";

export interface RouteTable {
  /** Picks the rollout's share, too: called once for each attempt. Throws HostError NOT_FOUND or NO_DEPLOYMENT. */
  resolve(model: string, target: Target): Traffic;
}

export interface RouterOptions {
  /** Throws HostError UNAUTHENTICATED or FORBIDDEN. `model` is null while it stands in a body that is not read yet. */
  authorize(req: IncomingMessage, model: string | null): void;
  /** Whether what the sender says of whom it forwards for is believed. Default: never. */
  isTrustedProxy?: (req: IncomingMessage) => boolean;
  /** How long one request may look for a replica, over all attempts. Default 60 s. */
  waitMs?: number;
}

export interface Router {
  /**
   * False: not an inference route, and nothing was done. The answer must have no headers set yet. For
   * `Expect: 100-continue` to reach the model, hand the server's `checkContinue` events in here as well.
   */
  handle(req: IncomingMessage, res: ServerResponse): boolean;
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): boolean;
  /** Takes no new request, and resolves when the last one is over; after `graceMs` (10 s) those left are cut off. */
  close(graceMs?: number): Promise<void>;
}

const WAIT_MS = 60_000;

export function createRouter(table: RouteTable, options: RouterOptions): Router {
  const active = new Set<{ destroy(): void }>();
  const peeker = new ModelPeeker();
  let isClosing = false;
  let onIdle = (): void => undefined;

  return { handle, upgrade, close };

  function handle(req: IncomingMessage, res: ServerResponse): boolean {
    const route = parseRoute(req.url as string);
    if (route === null) return false;
    const id = requestId(req.headers["x-request-id"]);
    const refuse = (error: unknown): void => sendHostError(req, res, { error, requestId: id });
    track(res);
    try {
      admit();
      options.authorize(req, route.kind === "named" ? route.model : null);
    } catch (error) {
      refuse(error);
      return true;
    }
    if (route.kind === "named") {
      const { model, target, path } = route;
      readBody(req, (error, body) => {
        if (error) refuse(error);
        else pass({ resolve: () => table.resolve(model, target), path, body });
      });
    } else if (req.method === "POST") {
      peeker
        .peek(req)
        .then(({ model, environment, body }) => {
          options.authorize(req, model);
          pass({ resolve: () => table.resolve(model, { environment }), path: route.path, body });
        })
        .catch(refuse);
    } else {
      const error = new HostError("METHOD_NOT_ALLOWED", `${route.path} takes POST.`);
      sendHostError(req, res, { error, requestId: id, headers: { allow: "POST" } });
    }
    return true;

    function pass(to: { resolve(): Traffic; path: string; body: HeldBody }): void {
      const headers = [...requestHeaders(req, forwarding(req, id)), ...framing(req)];
      proxyRequest({ req, res, requestId: id, headers, until: deadline(), ...to });
    }
  }

  function upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const route = parseUpgradeRoute(req.url as string);
    if (route === null) return false;
    const id = requestId(req.headers["x-request-id"]);
    track(socket);
    try {
      admit();
      if (!/^websocket$/i.test(req.headers.upgrade ?? "")) throw notWebSocket();
      options.authorize(req, route.model);
    } catch (error) {
      socket.on("error", () => undefined);
      refuseUpgrade(socket, { error, requestId: id });
      return true;
    }
    proxyUpgrade({
      req,
      socket,
      head,
      requestId: id,
      resolve: () => table.resolve(route.model, route.target),
      path: route.path,
      headers: requestHeaders(req, forwarding(req, id)),
      until: deadline(),
    });
    return true;
  }

  async function close(graceMs = 10_000): Promise<void> {
    isClosing = true;
    if (active.size === 0) return;
    const idle = new Promise<void>((resolve) => (onIdle = resolve));
    const cut = setTimeout(() => active.forEach((one) => one.destroy()), graceMs);
    await idle;
    clearTimeout(cut);
  }

  function track(one: ServerResponse | Duplex): void {
    active.add(one);
    one.on("close", () => {
      active.delete(one);
      if (active.size === 0) onIdle();
    });
  }

  function admit(): void {
    if (isClosing) throw new HostError("SHUTTING_DOWN", "The server is shutting down.", { retryAfter: 1 });
  }

  function forwarding(req: IncomingMessage, id: string): { requestId: string; isTrusted: boolean } {
    return { requestId: id, isTrusted: options.isTrustedProxy?.(req) ?? false };
  }

  function deadline(): number {
    return performance.now() + (options.waitMs ?? WAIT_MS);
  }
}

/** A small body is taken in first: a slow client costs no replica anything, and it can be sent again. */
function readBody(req: IncomingMessage, done: (error: Error | null, body: HeldBody) => void): void {
  if (!hasBody(req)) done(null, NO_BODY);
  else if (isSmall(req)) readSmallBody(req, done);
  else done(null, UNREAD);
}

function notWebSocket(): HostError {
  return new HostError("BAD_REQUEST", "The only protocol to upgrade to is websocket.", {
    hint: "Send the request as plain HTTP/1.1, without an Upgrade header.",
  });
}
