import type { IncomingMessage } from "node:http";
import { PassThrough, type Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import type { TransferLimits } from "../../protocol/transfer.ts";
import { HostError } from "../host-error.ts";

/** A gzip body that grows more than this is no text that somebody typed. */
const MAX_RATIO = 100;

/** The length that was declared; parts, files and batches must declare one. Throws HostError before a byte is read. */
export function declaredLength(req: IncomingMessage, limit: number): number {
  const text = req.headers["content-length"];
  if (text === undefined) {
    throw new HostError("BAD_REQUEST", "The length of the body must be declared: Content-Length.");
  }
  const length = Number(text);
  if (!Number.isSafeInteger(length) || length < 0)
    throw new HostError("BAD_REQUEST", "Content-Length is no number.");
  if (length > limit) throw tooLarge(limit);
  return length;
}

/** The body as it comes, cut off where it stands still or crawls: REQUEST_TIMEOUT. */
export function steadyBody(req: IncomingMessage, limits: TransferLimits): Readable {
  const out = new PassThrough({ highWaterMark: 1024 * 1024 });
  const windowMs = limits.body_idle_seconds * 1000;
  let bytes = 0;
  const timer = setInterval(() => {
    // Who reads is to blame where bytes wait here.
    if (bytes < limits.min_bytes_per_second * limits.body_idle_seconds && out.readableLength === 0) {
      out.destroy(
        new HostError("REQUEST_TIMEOUT", `The body brought ${bytes} bytes in ${limits.body_idle_seconds} s.`),
      );
    }
    bytes = 0;
  }, windowMs);
  timer.unref();
  req.on("data", (piece: Buffer) => (bytes += piece.length));
  req.once("end", () => clearInterval(timer));
  // Also where nobody has read it: the timer of a body that was refused must not outlive its request.
  req.once("close", () => {
    if (req.complete) clearInterval(timer);
    else out.destroy(new HostError("BAD_REQUEST", "The client went before the body was whole."));
  });
  out.once("close", () => clearInterval(timer));
  // Who was refused before reading is not there to hear of it; an error that nobody hears would end the host.
  out.on("error", () => {});
  req.pipe(out);
  return out;
}

/** A JSON body, gzipped or not, within `limit` bytes once unpacked. */
export async function readJsonBody(
  req: IncomingMessage,
  limit: number,
  limits: TransferLimits,
): Promise<unknown> {
  const body = await readWholeBody(req, limit, limits);
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    throw new HostError("BAD_REQUEST", "The body is not JSON.");
  }
}

/** A body in memory, gzipped or not, within `limit` bytes once unpacked. */
export async function readWholeBody(
  req: IncomingMessage,
  limit: number,
  limits: TransferLimits,
): Promise<Buffer> {
  const declared = Number(req.headers["content-length"] ?? 0);
  if (declared > limit) throw tooLarge(limit);
  const pieces: Buffer[] = [];
  const encoding = req.headers["content-encoding"] ?? "identity";
  if (encoding !== "identity" && encoding !== "gzip") {
    throw new HostError("BAD_REQUEST", `The body is encoded as ${encoding}; identity and gzip are read.`);
  }
  const body = steadyBody(req, limits);
  let packed = 0;
  let total = 0;
  const count = new Transform({
    transform(piece: Buffer, _encoding, done) {
      packed += piece.length;
      done(null, piece);
    },
  });
  // The pipeline tells of its own end rather than of the reason for it.
  let refusal: HostError | null = null;
  const gather = async (source: AsyncIterable<Buffer>): Promise<void> => {
    for await (const piece of source) {
      total += piece.length;
      if (total > limit) refusal = tooLarge(limit);
      else if (encoding === "gzip" && total > 1024 * 1024 && total > packed * MAX_RATIO) {
        refusal = new HostError("BAD_REQUEST", "The body grows more than a hundredfold when it is unpacked.");
      }
      if (refusal !== null) throw refusal;
      pieces.push(piece);
    }
  };
  try {
    if (encoding === "gzip") await pipeline(body, count, createGunzip(), gather);
    else await pipeline(body, gather);
  } catch (error) {
    const known = refusal ?? error;
    if (known instanceof HostError) throw known;
    throw new HostError("BAD_REQUEST", `The body cannot be read: ${(error as Error).message}`);
  }
  return Buffer.concat(pieces);
}

export function tooLarge(limit: number): HostError {
  return new HostError(
    "BODY_TOO_LARGE",
    `The body is larger than the ${limit} bytes that are allowed here.`,
    {
      details: { limit },
    },
  );
}
