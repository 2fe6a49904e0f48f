import type { IncomingMessage } from "node:http";
import { HostError } from "../host-error.ts";

/**
 * What is known of a request's body before it is sent on. `held` is the beginning that was read; `isWhole` says that
 * nothing follows, and then the request can be sent more than once.
 */
export interface HeldBody {
  held: Buffer;
  isWhole: boolean;
}

export const NO_BODY: HeldBody = { held: Buffer.alloc(0), isWhole: true };
export const UNREAD: HeldBody = { held: Buffer.alloc(0), isWhole: false };

/** Bodies up to this size are taken in before a replica is bothered. */
const SMALL_BYTES = 64 * 1024;
/** For a small body to arrive in. */
const SMALL_BODY_MS = 30_000;

export function hasBody(req: IncomingMessage): boolean {
  const length = req.headers["content-length"];
  return req.headers["transfer-encoding"] !== undefined || (length !== undefined && length !== "0");
}

/** Small, of a length told beforehand, and not held back by its sender until it is wanted. */
export function isSmall(req: IncomingMessage): boolean {
  const length = req.headers["content-length"];
  return length !== undefined && Number(length) <= SMALL_BYTES && req.headers.expect === undefined;
}

/** Calls back once, unless the client goes first. */
export function readSmallBody(
  req: IncomingMessage,
  done: (error: Error | null, body: HeldBody) => void,
): void {
  const chunks: Buffer[] = [];
  const timer = setTimeout(() => {
    req.off("data", onData).off("end", onEnd);
    done(new HostError("REQUEST_TIMEOUT", "The body did not arrive in time."), UNREAD);
  }, SMALL_BODY_MS);
  const onData = (chunk: Buffer): void => void chunks.push(chunk);
  const onEnd = (): void => {
    clearTimeout(timer);
    done(null, { held: chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks), isWhole: true });
  };
  req.on("data", onData).on("end", onEnd);
  req.on("close", () => clearTimeout(timer));
}
