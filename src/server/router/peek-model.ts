import type { IncomingMessage } from "node:http";
import { createGunzip, gunzipSync } from "node:zlib";
import { HostError } from "../host-error.ts";
import { ModelNameFinder } from "./find-model-name.ts";
import { type HeldBody, isSmall, readSmallBody } from "./held-body.ts";
import { type NamedModel, splitModelName } from "./split-model-name.ts";

/** The name may stand behind a few images, and is looked for no further. */
const PEEK_BYTES = 16 * 1024 * 1024;
/** What all requests together may hold while their models are looked for. */
const BUDGET_BYTES = 256 * 1024 * 1024;
/** Unpacked. */
const GUNZIP_BYTES = 64 * 1024 * 1024;
/** Without a byte from the client. */
const IDLE_MS = 30_000;

export class ModelPeeker {
  #held = 0;

  /** Reads as much of the body as it takes. Rejects with HostError; never settles where the client goes first. */
  async peek(req: IncomingMessage): Promise<NamedModel & { body: HeldBody }> {
    const body = isSmall(req) ? await small(req) : await this.#large(req);
    return { ...parseModelName(body.name), body: body.body };
  }

  #large(req: IncomingMessage): Promise<{ name: string | null; body: HeldBody }> {
    return new Promise((resolve, reject) => {
      const finder = new ModelNameFinder();
      const gunzip = isGzip(req) ? createGunzip() : null;
      const chunks: Buffer[] = [];
      let bytes = 0;
      let unpacked = 0;
      const timer = setTimeout(
        () => fail(new HostError("REQUEST_TIMEOUT", "The body did not arrive in time.")),
        IDLE_MS,
      );
      const stop = (): void => {
        clearTimeout(timer);
        this.#held -= bytes;
        bytes = 0;
        req.off("data", onData).off("end", onEnd).off("close", onClose);
        gunzip
          ?.removeAllListeners()
          .on("error", () => undefined)
          .destroy();
        req.pause();
      };
      const fail = (error: HostError): void => {
        stop();
        reject(error);
      };
      const found = (name: string | null): void => {
        const body = { held: Buffer.concat(chunks), isWhole: false };
        stop();
        resolve({ name, body });
      };
      const look = (plain: Buffer): void => {
        const name = finder.push(plain);
        if (name !== undefined) found(name);
      };
      const onData = (chunk: Buffer): void => {
        timer.refresh();
        chunks.push(chunk);
        bytes += chunk.byteLength;
        this.#held += chunk.byteLength;
        if (gunzip) gunzip.write(chunk);
        else look(chunk);
        if (bytes > PEEK_BYTES) fail(tooFar());
        else if (this.#held > BUDGET_BYTES) fail(overloaded());
      };
      const onEnd = (): void => {
        if (gunzip) gunzip.end();
        else found(null);
      };
      const onClose = (): void => {
        if (!req.readableEnded) stop();
      };
      gunzip?.on("data", (plain: Buffer) => {
        unpacked += plain.byteLength;
        look(plain);
        if (unpacked > GUNZIP_BYTES) fail(tooFar());
      });
      gunzip?.on("end", () => found(null)).on("error", () => fail(notGzip()));
      req.on("data", onData).on("end", onEnd).on("close", onClose);
    });
  }
}

/** Throws HostError BAD_REQUEST. */
export function parseModelName(name: string | null): NamedModel {
  const named = splitModelName(name ?? "");
  if (named.model !== "" && named.environment !== "") return named;
  throw new HostError("BAD_REQUEST", "The body names no model.", {
    hint: 'Give it as "model": "name" (production) or "model": "name@environment".',
  });
}

function small(req: IncomingMessage): Promise<{ name: string | null; body: HeldBody }> {
  return new Promise((resolve, reject) => {
    readSmallBody(req, (error, body) => {
      if (error) return reject(error);
      try {
        const plain = isGzip(req) ? gunzipSync(body.held, { maxOutputLength: GUNZIP_BYTES }) : body.held;
        resolve({ name: new ModelNameFinder().push(plain) ?? null, body });
      } catch {
        reject(notGzip());
      }
    });
  });
}

function isGzip(req: IncomingMessage): boolean {
  return /^\s*(x-)?gzip\s*$/i.test(req.headers["content-encoding"] ?? "");
}

function notGzip(): HostError {
  return new HostError(
    "BAD_REQUEST",
    "The body is not gzip, as its content-encoding says, or too large of it.",
  );
}

function tooFar(): HostError {
  return new HostError(
    "BODY_TOO_LARGE",
    `The first ${PEEK_BYTES / 1024 / 1024} MiB of the body name no model.`,
    {
      hint: 'Put "model" first in the body, or call /models/NAME/production/sync/v1/chat/completions.',
    },
  );
}

function overloaded(): HostError {
  return new HostError("OVERLOADED", "Too many large requests are being looked into.", { retryAfter: 1 });
}
