import type { IncomingMessage } from "node:http";
import { PassThrough, Readable } from "node:stream";
import { type Coding, readContentEncoding } from "../../http/content-coding.ts";
import { unpackBody } from "../../http/unpack-body.ts";
import { HostError } from "../host-error.ts";
import { FormModelFinder, formBoundary } from "./find-form-model.ts";
import { ModelNameFinder } from "./find-model-name.ts";
import { type HeldBody, isSmall, readSmallBody } from "./held-body.ts";
import { type NamedModel, splitModelName } from "./split-model-name.ts";

/** The name may stand behind a few images, and is looked for no further. */
const PEEK_BYTES = 16 * 1024 * 1024;
/** In a form the name may stand behind the file: OpenAI's own service takes files of 25 MB. */
const PEEK_FORM_BYTES = 64 * 1024 * 1024;
/** What all requests together may hold while their models are looked for. */
const BUDGET_BYTES = 256 * 1024 * 1024;
/** Without a byte from the client. */
const IDLE_MS = 30_000;

/** Looks for the name in a body that comes in pieces: undefined while more is needed, null where there is none. */
interface NameFinder {
  push(chunk: Uint8Array): string | null | undefined;
}

export class ModelPeeker {
  #held = 0;

  /** Reads as much of the body as it takes. Rejects with HostError; never settles where the client goes first. */
  async peek(req: IncomingMessage): Promise<NamedModel & { body: HeldBody }> {
    const codings = readContentEncoding(req.headers["content-encoding"]);
    if (typeof codings === "string") throw new HostError("UNSUPPORTED_MEDIA_TYPE", codings);
    const boundary = formBoundary(req.headers["content-type"]);
    const finder = boundary === null ? new ModelNameFinder() : new FormModelFinder(boundary);
    const most = boundary === null ? PEEK_BYTES : PEEK_FORM_BYTES;
    const body = isSmall(req)
      ? await small(req, codings, finder)
      : await this.#large(req, { codings, finder, most });
    return { ...parseModelName(body.name), body: body.body };
  }

  #large(
    req: IncomingMessage,
    { codings, finder, most }: { codings: Coding[]; finder: NameFinder; most: number },
  ): Promise<{ name: string | null; body: HeldBody }> {
    return new Promise((resolve, reject) => {
      const packed = codings.length === 0 ? null : new PassThrough();
      const chunks: Buffer[] = [];
      let bytes = 0;
      let isOver = false;
      const timer = setTimeout(
        () => fail(new HostError("REQUEST_TIMEOUT", "The body did not arrive in time.")),
        IDLE_MS,
      );
      const stop = (): void => {
        isOver = true;
        clearTimeout(timer);
        this.#held -= bytes;
        bytes = 0;
        req.off("data", onData).off("end", onEnd).off("close", onClose);
        packed?.destroy();
        req.pause();
      };
      const fail = (error: HostError): void => {
        if (isOver) return;
        stop();
        reject(error);
      };
      const found = (name: string | null): void => {
        if (isOver) return;
        const body = { held: Buffer.concat(chunks), isWhole: false };
        stop();
        resolve({ name, body });
      };
      const onData = (chunk: Buffer): void => {
        timer.refresh();
        chunks.push(chunk);
        bytes += chunk.byteLength;
        this.#held += chunk.byteLength;
        if (packed) packed.write(chunk);
        else {
          const name = finder.push(chunk);
          if (name !== undefined) return found(name);
        }
        if (bytes > most) fail(tooFar(most));
        else if (this.#held > BUDGET_BYTES) fail(overloaded());
      };
      const onEnd = (): void => {
        if (packed) packed.end();
        else found(null);
      };
      const onClose = (): void => {
        if (!req.readableEnded) stop();
      };
      if (packed) findPacked(packed, { codings, finder, most }).then(found, fail);
      req.on("data", onData).on("end", onEnd).on("close", onClose);
    });
  }
}

/** The name in a packed body, of which no more is unpacked than it takes. Rejects with HostError. */
function findPacked(
  source: Readable,
  { codings, finder, most }: { codings: Coding[]; finder: NameFinder; most: number },
): Promise<string | null> {
  return new Promise((resolve, reject) => {
    let unpacked = 0;
    const plain = unpackBody(source, codings, {
      onBomb: () => reject(tooFar(most)),
      onDamaged: (why) => reject(new HostError("BAD_REQUEST", `The body cannot be read: ${why}.`)),
    });
    const over = (): void => void plain.destroy();
    source.on("close", () => {
      // At its end there is more to be unpacked.
      if (!source.readableEnded) over();
    });
    plain.on("data", (chunk: Buffer) => {
      unpacked += chunk.byteLength;
      const name = finder.push(chunk);
      if (name !== undefined) resolve(name);
      else if (unpacked > most) reject(tooFar(most));
      else return;
      over();
    });
    plain.on("end", () => resolve(null));
  });
}

/** Throws HostError BAD_REQUEST. */
export function parseModelName(name: string | null): NamedModel {
  const named = splitModelName(name ?? "");
  if (named.model !== "" && named.environment !== "") return named;
  throw new HostError("BAD_REQUEST", "The body names no model.", {
    hint: 'Give it as "model": "name" (production) or "model": "name@environment".',
  });
}

function small(
  req: IncomingMessage,
  codings: Coding[],
  finder: NameFinder,
): Promise<{ name: string | null; body: HeldBody }> {
  return new Promise((resolve, reject) => {
    readSmallBody(req, (error, body) => {
      if (error) return reject(error);
      const found = (name: string | null): void => resolve({ name, body });
      if (codings.length === 0) return found(finder.push(body.held) ?? null);
      findPacked(Readable.from([body.held]), { codings, finder, most: PEEK_FORM_BYTES }).then(found, reject);
    });
  });
}

function tooFar(most: number): HostError {
  return new HostError("BODY_TOO_LARGE", `The first ${most / 1024 / 1024} MiB of the body name no model.`, {
    hint: 'Put "model" first in the body, or call /models/NAME/production/sync/v1/chat/completions.',
  });
}

function overloaded(): HostError {
  return new HostError("OVERLOADED", "Too many large requests are being looked into.", { retryAfter: 1 });
}
