import type { ServerResponse } from "node:http";
import type { Transform } from "node:stream";
import type { Coding } from "../../http/content-coding.ts";
import { chooseCoding } from "../../http/choose-coding.ts";
import { createPacker, packWhole } from "../../http/pack-body.ts";
import { writePiece } from "../../protocol/write-piece.ts";

/** Less is not worth the work, and fits into one packet as it is. */
const LEAST_BYTES = 1024;

/** Pictures, sound, archives, weights: what is packed already, and bytes of which nothing is known. */
const PACKS_WELL =
  /^(text\/|application\/([\w.-]+\+)?(json|x-ndjson|jsonl|xml|javascript|yaml|x-yaml|sql|graphql|wasm|rtf)\b|image\/(svg\+xml|bmp)|font\/(ttf|otf))/i;

/** The headers of an answer, names in small letters and values in turn. */
export type HeaderPairs = string[];

/** Whether an answer gains from being packed, whoever asks for it; such answers vary with Accept-Encoding. */
export function isPackable(status: number, headers: HeaderPairs, bodyBytes: number): boolean {
  if (status === 204 || status === 206 || status === 304) return false;
  if (bodyBytes >= 0 && bodyBytes < LEAST_BYTES) return false;
  const value = (name: string): string => {
    const at = headers.findIndex((text, i) => i % 2 === 0 && text === name);
    return at === -1 ? "" : (headers[at + 1] as string);
  };
  if (value("content-encoding") !== "" || value("content-range") !== "") return false;
  return !/\bno-transform\b/i.test(value("cache-control")) && PACKS_WELL.test(value("content-type").trim());
}

/** The headers of the answer packed by `coding`; null: as it is, told that it might have been another. */
function packedHeaders(headers: HeaderPairs, coding: Coding | null): HeaderPairs {
  const out: HeaderPairs = [];
  let vary = "Accept-Encoding";
  for (let i = 0; i < headers.length; i += 2) {
    const [name, value] = [headers[i] as string, headers[i + 1] as string];
    if (name === "vary")
      vary = /(^|[\s,])(\*|accept-encoding)(?=$|[\s,])/i.test(value) ? value : `${value}, ${vary}`;
    else if (coding !== null && (name === "content-length" || name === "accept-ranges")) continue;
    // The same in meaning, not byte by byte.
    else if (coding !== null && name === "etag" && !value.startsWith("W/")) out.push(name, `W/${value}`);
    else out.push(name, value);
  }
  out.push("vary", vary);
  if (coding !== null) out.push("content-encoding", coding);
  return out;
}

/** A whole answer, packed where the client takes it so and where that makes it smaller. */
export function respondPacked(
  res: ServerResponse,
  answer: { status: number; headers: HeaderPairs; body: Buffer; accept: string | undefined },
): void {
  const { status, headers, body, accept } = answer;
  const send = (coding: Coding | null, bytes: Buffer): void => {
    if (res.destroyed) return;
    const length = coding === null ? [] : ["content-length", String(bytes.byteLength)];
    res.writeHead(status, [...packedHeaders(headers, coding), ...length]).end(bytes);
  };
  const coding = chooseCoding(accept);
  if (coding === null) return send(null, body);
  packWhole(coding, body).then(
    (packed) => (packed.byteLength < body.byteLength ? send(coding, packed) : send(null, body)),
    () => send(null, body),
  );
}

/** The same for an answer whose body follows. */
export function beginPacked(
  res: ServerResponse,
  answer: { headers: HeaderPairs; accept: string | undefined },
  flow: PackedFlow,
): { headers: HeaderPairs; packed: PackedAnswer | null } {
  const coding = chooseCoding(answer.accept);
  const headers = packedHeaders(answer.headers, coding);
  return { headers, packed: coding === null ? null : new PackedAnswer(res, coding, flow) };
}

interface PackedFlow {
  /** Each piece can be read before the next one is written. */
  flushes: boolean;
  /** The client is behind. */
  onFull: () => void;
}

/** The body of an answer that is packed while it is sent, at the pace of the client. */
export class PackedAnswer {
  readonly #res: ServerResponse;
  readonly #packer: Transform;

  constructor(res: ServerResponse, coding: Coding, init: PackedFlow) {
    this.#res = res;
    const packer = createPacker(coding, init);
    this.#packer = packer;
    packer.on("data", (chunk: Buffer) => {
      if (res.destroyed || writePiece(res, chunk)) return;
      packer.pause();
      res.once("drain", () => packer.resume());
      init.onFull();
    });
    packer.on("end", () => res.end());
    packer.on("error", () => res.destroy());
    res.on("close", () => packer.destroy());
  }

  /** `taken` is called when the piece has been packed, which waits for the client to take what came before. */
  write(piece: Uint8Array, taken?: () => void): void {
    if (this.#packer.destroyed || this.#packer.writableEnded) return;
    this.#packer.write(Buffer.from(piece), (error) => {
      if (!error) taken?.();
    });
  }

  end(last?: string): void {
    if (last === undefined) this.#packer.end();
    else this.#packer.end(last);
  }

  /** What was written arrives, the end does not. */
  cut(): void {
    const hangUp = (): void => void this.#res.socket?.destroySoon();
    if (this.#packer.destroyed) return hangUp();
    // Behind everything that waits.
    this.#packer.write(Buffer.alloc(0), () => setImmediate(hangUp));
  }
}
