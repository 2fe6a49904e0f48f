import { errorEvent } from "../../protocol/error-shape.ts";
import { STREAM_WINDOW_BYTES, ToFront } from "../channel/frames.ts";
import type { FrameWriter } from "../channel/frame-writer.ts";
import { ContentType, writeResponse } from "../channel/response-frame.ts";
import { headerPairs, sendAnswer, sendEnd, thrownAnswer } from "./answer.ts";
import { sseEnd, sseFrame } from "./client-wishes.ts";
import { encodeJson, UnserializableError } from "./encode-json.ts";
import { encodeOutput, unserializable } from "./encode-output.ts";
import type { Reply } from "./formats/wire-format.ts";
import type { Job } from "./job.ts";
import { log } from "./log.ts";
import { asBytes, isThenable, snapshot } from "./output-kind.ts";

/** A generator that took longer than this for its last item has its items sent one by one. */
const SLOW_ITEM_MS = 0.1;
/** A generator that never waits gives the loop back this often, so that a cancellation is seen. */
const BURST_MS = 2;
const BATCH_BYTES = 16 * 1024;

type AnyIterator = Iterator<unknown> | AsyncIterator<unknown>;

/** Pulls a stream's items as the client takes them. Resolves when user code has ended, however it ended. */
export async function streamAnswer(writer: FrameWriter, job: Job, iterator: AnyIterator): Promise<void> {
  job.credit = STREAM_WINDOW_BYTES;
  let pulling: Promise<unknown> | null = null;
  let finished = false;
  // A waiting generator hears of the cancellation through return() at once, not at its next item.
  job.onCancel = () => {
    if (!finished) pulling ??= Promise.resolve(callReturn(iterator));
  };
  const output = job.wants === "gathered" ? new Gathered(writer, job) : new Chunks(writer, job);
  try {
    let lastYield = performance.now();
    for (;;) {
      if (job.cancelled) break;
      const began = performance.now();
      const step = iterator.next();
      const result = (isThenable(step) ? await step : step) as IteratorResult<unknown>;
      // As `for await` has it; without a look it would be an endless stream of nothing.
      if (typeof result !== "object" || result === null)
        throw new TypeError("The iterator's next() gave no object");
      if (result.done === true || job.cancelled) {
        finished = result.done === true;
        break;
      }
      const now = performance.now();
      output.item(result.value, now - began > SLOW_ITEM_MS);
      if (job.credit <= 0 && !job.cancelled) await waitForCredit(writer, job);
      else if (now - lastYield > BURST_MS) {
        writer.flush();
        await new Promise(setImmediate);
        lastYield = performance.now();
      }
    }
    job.onCancel = null;
    if (!finished) await (pulling ?? callReturn(iterator));
    if (!job.cancelled) output.end();
  } catch (error) {
    job.onCancel = null;
    if (!(error instanceof ItemError)) finished = true;
    if (!finished) await Promise.resolve(callReturn(iterator)).catch(() => undefined);
    if (!job.cancelled) output.fail(error instanceof ItemError ? error.cause : error);
  }
}

/** An item that cannot be sent: the generator itself is fine and has to be ended. */
class ItemError extends Error {}

interface Output {
  item(value: unknown, slow: boolean): void;
  end(): void;
  fail(error: unknown): void;
}

/** Each item goes out as a chunk of its own. */
class Chunks implements Output {
  readonly #writer: FrameWriter;
  readonly #job: Job;
  #contentType = 0;
  #headSent = false;
  #flushScheduled = false;
  #unflushed = 0;
  /** Its last item was framed here, not by the model. */
  #framed = false;

  constructor(writer: FrameWriter, job: Job) {
    this.#writer = writer;
    this.#job = job;
  }

  item(given: unknown, slow: boolean): void {
    const value = this.#event(given);
    const first = !this.#headSent;
    if (first) this.#sendHead(value);
    const bytes = this.#encode(value);
    this.#writer.bytes(ToFront.CHUNK, this.#job.id, bytes);
    this.#job.credit -= Math.max(1, bytes.byteLength);
    this.#unflushed += bytes.byteLength;
    // Items of a quick generator share a write; the first one and those of a slow one do not wait.
    if (first || slow || this.#unflushed > BATCH_BYTES) {
      this.#unflushed = 0;
      this.#writer.flush();
    } else this.#flushSoon();
  }

  end(): void {
    const event = this.#job.transcript?.end() ?? null;
    if (event !== null) this.item(event, true);
    if (!this.#headSent) this.#sendHead(undefined);
    const last = this.#framed ? sseEnd(this.#job) : "";
    if (last !== "") this.#writer.bytes(ToFront.CHUNK, this.#job.id, Buffer.from(last));
    sendEnd(this.#writer, this.#job);
    this.#writer.flush();
  }

  fail(error: unknown): void {
    const answer =
      error instanceof UnserializableError
        ? unserializable(this.#job, error)
        : thrownAnswer(this.#job, error);
    if (!this.#headSent) {
      sendAnswer(this.#writer, this.#job, answer);
    } else if (this.#contentType === ContentType.SSE) {
      this.#writer.bytes(
        ToFront.CHUNK,
        this.#job.id,
        Buffer.from(errorEvent(this.#job.errorFamily, String(answer.body))),
      );
      sendEnd(this.#writer, this.#job);
    } else {
      this.#writer.empty(ToFront.ABORT, this.#job.id);
    }
    this.#writer.flush();
  }

  #event(value: unknown): unknown {
    const { transcript } = this.#job;
    if (transcript === null) return value;
    try {
      return transcript.item(value);
    } catch (error) {
      throw new ItemError("item", { cause: error });
    }
  }

  #sendHead(first: unknown): void {
    this.#headSent = true;
    const packed = packedItems(this.#job);
    this.#contentType = packed === null ? streamType(this.#job, first) : ContentType.HEADERS;
    const head = {
      status: 200,
      contentType: this.#contentType,
      headers: packed === null ? [] : ["content-type", packed.contentType],
      bodyBytes: -1,
      timings: this.#job.timings,
      code: "",
    };
    writeResponse(this.#writer, { type: ToFront.RESPONSE_HEAD, id: this.#job.id }, { head, body: null });
  }

  #encode(value: unknown): Uint8Array {
    this.#framed = false;
    const packed = packedItems(this.#job);
    if (packed !== null) return pack(packed, value);
    if (typeof value === "string") return Buffer.from(value);
    const bytes = asBytes(value);
    if (bytes !== null) return snapshot(bytes);
    try {
      const json = encodeJson(value);
      this.#framed = this.#contentType === ContentType.SSE;
      return Buffer.from(this.#framed ? sseFrame(this.#job, value, json) : `${json}\n`);
    } catch (error) {
      throw new ItemError("item", { cause: error });
    }
  }

  #flushSoon(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    // After the microtasks: a generator that does not really wait gets its items into one write.
    process.nextTick(() => {
      this.#flushScheduled = false;
      this.#unflushed = 0;
      this.#writer.flush();
    });
  }
}

/** The client asked for plain JSON: strings become one string, objects one array. */
class Gathered implements Output {
  readonly #writer: FrameWriter;
  readonly #job: Job;
  readonly #items: unknown[] = [];

  constructor(writer: FrameWriter, job: Job) {
    this.#writer = writer;
    this.#job = job;
  }

  item(value: unknown): void {
    this.#items.push(value);
  }

  end(): void {
    const pieces = this.#items.map((item) => (typeof item === "string" ? Buffer.from(item) : asBytes(item)));
    const text = pieces.every((piece) => piece !== null);
    const value = text ? Buffer.concat(pieces).toString("utf8") : this.#items;
    sendAnswer(this.#writer, this.#job, encodeOutput(this.#job, value));
    this.#writer.flush();
  }

  fail(error: unknown): void {
    sendAnswer(this.#writer, this.#job, thrownAnswer(this.#job, error));
    this.#writer.flush();
  }
}

/** Passes a web Response through: status, headers, body pulled as the client takes it. */
export async function responseAnswer(writer: FrameWriter, job: Job, response: Response): Promise<void> {
  if (response.status === 0) throw new TypeError("Response.error() has no status to answer with");
  const { headers, length } = readHeaders(response);
  if (response.body === null) {
    const contentType = ContentType.HEADERS;
    sendAnswer(writer, job, { status: response.status, contentType, headers, body: "" });
    writer.flush();
    return;
  }
  job.credit = STREAM_WINDOW_BYTES;
  const head = {
    status: response.status,
    contentType: ContentType.HEADERS,
    headers,
    bodyBytes: length,
    timings: job.timings,
    code: "",
  };
  const reader = response.body.getReader();
  job.onCancel = () => void reader.cancel().catch(() => undefined);
  let headSent = false;
  let sent = 0;
  const sendHead = (): void => {
    if (!headSent) writeResponse(writer, { type: ToFront.RESPONSE_HEAD, id: job.id }, { head, body: null });
    headSent = true;
  };
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || job.cancelled) break;
      const bytes = typeof value === "string" ? Buffer.from(value) : asBytes(value);
      if (bytes === null) throw new TypeError("The Response's body holds something that is not bytes");
      sent += bytes.byteLength;
      if (length >= 0 && sent > length) throw new LengthError(length, `at least ${sent}`);
      sendHead();
      writer.bytes(ToFront.CHUNK, job.id, bytes);
      writer.flush();
      job.credit -= Math.max(1, bytes.byteLength);
      if (job.credit <= 0 && !job.cancelled) await waitForCredit(writer, job);
    }
    if (job.cancelled) return;
    if (length >= 0 && sent < length) throw new LengthError(length, String(sent));
    sendHead();
    sendEnd(writer, job);
  } catch (error) {
    if (job.cancelled) return;
    void reader.cancel().catch(() => undefined);
    const answer = thrownAnswer(job, error);
    if (headSent) writer.empty(ToFront.ABORT, job.id);
    else sendAnswer(writer, job, answer);
  } finally {
    job.onCancel = null;
    writer.flush();
  }
}

/** A wrong length would make the client wait, or take the rest for the next answer. */
class LengthError extends Error {
  constructor(declared: number, found: string) {
    super(`The Response's content-length is ${declared}, its body has ${found} bytes`);
  }
}

/** The length is -1 where none is declared. */
function readHeaders(response: Response): { headers: string[]; length: number } {
  const declared = response.headers.get("content-length") ?? "";
  const length = /^\d+$/.test(declared) ? Number(declared) : -1;
  // What `fetch` gives has been decoded, its headers tell of the body as it was on the way here.
  const decoded = response.url !== "" && response.headers.has("content-encoding");
  if (!decoded) return { headers: headerPairs(response.headers), length };
  const kept = new Headers(response.headers);
  kept.delete("content-encoding");
  return { headers: headerPairs(kept), length: -1 };
}

function waitForCredit(writer: FrameWriter, job: Job): Promise<void> {
  writer.flush();
  return new Promise((resolve) => {
    job.wake = () => {
      if (job.credit <= 0 && !job.cancelled) return;
      job.wake = null;
      resolve();
    };
  });
}

function streamType(job: Job, first: unknown): number {
  if (job.wants === "sse") return ContentType.SSE;
  if (first === undefined || typeof first === "string") return ContentType.TEXT;
  return asBytes(first) === null ? ContentType.NDJSON : ContentType.BYTES;
}

type PackedItems = NonNullable<Reply["item"]>;

/** How items are written one by one in the format that was asked in; server-sent events are texts in any case. */
function packedItems(job: Job): PackedItems | null {
  return job.wants === "sse" ? null : (job.reply?.item ?? null);
}

function pack(items: PackedItems, value: unknown): Uint8Array {
  try {
    return items.encode(value);
  } catch (error) {
    throw new ItemError("item", { cause: new UnserializableError((error as Error).message) });
  }
}

async function callReturn(iterator: AnyIterator): Promise<void> {
  try {
    await iterator.return?.();
  } catch (error) {
    log(
      "warn",
      `The generator threw while it was being ended: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
