import type { IncomingMessage } from "node:http";
import type { Transform } from "node:stream";
import { type Coding, readContentEncoding } from "../../http/content-coding.ts";
import { unpackBody } from "../../http/unpack-body.ts";
import { INLINE_BODY_BYTES } from "../channel/frames.ts";

/** The least that a body must bring from one look to the next: slower ones hold connections for nothing. */
const MIN_BYTES_PER_CHECK = 10 * 1024;

export interface BodyLimits {
  maxBytes: number;
  /** Milliseconds from one look at a body under way to the next. */
  paceMs: number;
}

/** Who takes a large body's pieces; `piece` returns false to ask for a pause. */
export interface LargeBody {
  piece(piece: Buffer): boolean;
  end(): void;
  /** It flows at the pace of `addCredit`. */
  waitsForCredit: boolean;
}

export interface BodyHandlers {
  /** The body is small and whole. */
  onWhole(body: Buffer | null): void;
  /** It is large: its pieces follow. */
  onLarge(declaredBytes: number): LargeBody;
  onTooLarge(): void;
  onTooSlow(): void;
  /** It is packed in a way that is not known. */
  onUnsupported(why: string): void;
  onBad(why: string): void;
}

/** Reads a request's body: a small one whole, a large one piece by piece as the model takes it. */
export class BodyReader {
  readonly #req: IncomingMessage;
  readonly #maxBytes: number;
  readonly #paceMs: number;
  readonly #handlers: BodyHandlers;
  readonly #declared: number;
  #pieces: Buffer[] = [];
  #bytes = 0;
  #large: LargeBody | null = null;
  #credit = 0;
  #source: IncomingMessage | Transform;
  #over = false;
  #paceTimer: NodeJS.Timeout | null = null;
  #bytesAtCheck = 0;

  constructor(req: IncomingMessage, { maxBytes, paceMs }: BodyLimits, handlers: BodyHandlers) {
    this.#req = req;
    this.#source = req;
    this.#maxBytes = maxBytes;
    this.#paceMs = paceMs;
    this.#handlers = handlers;
    const length = req.headers["content-length"];
    this.#declared = length === undefined ? -1 : Number(length);
  }

  start(): void {
    const codings = readContentEncoding(this.#req.headers["content-encoding"]);
    if (typeof codings === "string") return this.#handlers.onUnsupported(codings);
    if (codings.length > 0) return this.#readPacked(codings);
    if (this.#declared > this.#maxBytes) return this.#tooLarge();
    if (this.#declared === 0) return this.#handlers.onWhole(null);
    if (this.#declared > INLINE_BODY_BYTES) this.#goLarge(this.#declared);
    this.#listen(this.#req);
  }

  /** The model has taken so many bytes. */
  addCredit(bytes: number): void {
    this.#credit += bytes;
    if (this.#credit > 0) this.resume();
    // The pause was ours: what the client did before it does not count.
    this.#bytesAtCheck = Math.min(this.#bytesAtCheck, this.#bytes - MIN_BYTES_PER_CHECK);
  }

  resume(): void {
    if (!this.#over) this.#source.resume();
  }

  /** Nobody wants the rest: it is read and dropped, as long as it comes at the pace that is asked of all. */
  stop(): void {
    this.#finish();
    this.#pieces = [];
    this.#req.resume();
    if (this.#req.complete) return;
    const tooSlow = (): void => void this.#req.socket.destroy();
    this.#paceTimer = setInterval(() => this.#checkPace(tooSlow), this.#paceMs).unref();
    this.#req.once("close", () => this.#finish());
  }

  #finish(): void {
    this.#over = true;
    if (this.#paceTimer !== null) clearInterval(this.#paceTimer);
    this.#paceTimer = null;
  }

  #checkPace(tooSlow: () => void): void {
    if (this.#source.isPaused()) return;
    if (this.#bytes - this.#bytesAtCheck < MIN_BYTES_PER_CHECK) {
      this.#finish();
      tooSlow();
    }
    this.#bytesAtCheck = this.#bytes;
  }

  #listen(source: IncomingMessage | Transform): void {
    this.#source = source;
    source.on("data", (chunk: Buffer) => this.#take(chunk));
    source.on("end", () => this.#end());
    // Runs after the stream's own first tick: the usual body is whole by then and needs no timer.
    process.nextTick(() => {
      if (this.#over) return;
      const tooSlow = (): void => this.#handlers.onTooSlow();
      this.#paceTimer = setInterval(() => this.#checkPace(tooSlow), this.#paceMs).unref();
    });
    if (this.#large?.waitsForCredit === true && this.#credit <= 0) source.pause();
  }

  #take(chunk: Buffer): void {
    this.#bytes += chunk.byteLength;
    if (this.#over) return;
    if (this.#bytes > this.#maxBytes) return this.#tooLarge();
    if (this.#large !== null) return this.#passOn(chunk);
    if (this.#bytes === this.#declared && this.#pieces.length === 0 && this.#source === this.#req) {
      // The usual request: its body came with its head, and there is nothing to wait for.
      this.#finish();
      return this.#handlers.onWhole(chunk);
    }
    this.#pieces.push(chunk);
    if (this.#bytes > INLINE_BODY_BYTES) this.#goLarge(-1);
  }

  #passOn(chunk: Buffer): void {
    const large = this.#large as LargeBody;
    const goOn = large.piece(chunk);
    if (large.waitsForCredit) {
      this.#credit -= chunk.byteLength;
      if (this.#credit <= 0) this.#source.pause();
    } else if (!goOn) {
      this.#source.pause();
      setTimeout(() => this.resume(), 2);
    }
  }

  #goLarge(declared: number): void {
    this.#large = this.#handlers.onLarge(declared);
    const pieces = this.#pieces.splice(0);
    for (const piece of pieces) this.#passOn(piece);
  }

  #end(): void {
    const wasOver = this.#over;
    this.#finish();
    if (wasOver) return;
    if (this.#large !== null) this.#large.end();
    else
      this.#handlers.onWhole(
        this.#pieces.length === 1 ? (this.#pieces[0] as Buffer) : Buffer.concat(this.#pieces),
      );
  }

  #tooLarge(): void {
    this.#finish();
    this.#pieces = [];
    this.#handlers.onTooLarge();
  }

  #readPacked(codings: Coding[]): void {
    const plain = unpackBody(this.#req, codings, {
      onBomb: () => {
        if (!this.#over) this.#tooLarge();
      },
      onDamaged: (why) => {
        if (!this.#over) this.#handlers.onBad(why);
        this.#finish();
      },
    });
    this.#listen(plain);
  }
}
