import type { Hash } from "node:crypto";
import type { WireErrorCode } from "../../protocol/error-codes.ts";
import { INLINE_BODY_BYTES } from "../channel/frames.ts";
import type { RequestHead } from "../channel/request-frame.ts";
import type { ResponseHead, Timings } from "../channel/response-frame.ts";
import type { Batch } from "./batch.ts";
import type { SlotHolder } from "./lane.ts";
import type { ModelProcess } from "./model-process.ts";

/** Who waits for a job's answer: an HTTP exchange or a WebSocket. */
export interface Responder {
  /** A whole answer; `body` is only valid during the call. */
  respond(head: ResponseHead, body: Buffer): void;
  /** The head of an answer whose body follows. */
  head(head: ResponseHead): void;
  /** Bytes of the body, only valid during the call; `item` says that they are one chunk of a stream. */
  data(bytes: Buffer, item: boolean): void;
  end(timings: Timings): void;
  /** No answer, or no more of it, will come. */
  fail(code: WireErrorCode, message: string): void;
  /** A model process has the job now. */
  sent?(): void;
  /** The job's user code has ended and nothing more will be said. */
  settled?(): void;
  /** The model has taken bytes of the body or of messages. */
  credit?(bytes: number): void;
  message?(payload: Buffer): void;
  closed?(payload: Buffer): void;
}

let nextOrder = 1;

/** One request on its way through queue, slot and model process. */
export class Job implements SlotHolder {
  /** Its place in the table of the process that has it; -1 while none has. */
  id = -1;
  /** Later jobs have greater ones. */
  readonly order: number;
  readonly head: RequestHead;
  readonly responder: Responder;
  /** It runs in one of the slots of a model process. */
  readonly usesSlot: boolean;
  /** It is handed to the model before it has a slot: it is preprocessed first, or its body is still coming. */
  readonly goesAhead: boolean;
  readonly arrived = performance.now();
  /** When it could have run, had a slot been free: once it had come, or was prepared. Of rows only. */
  ready = 0;
  /** Pieces of the body, kept until its slot is granted: a crash before that costs nothing. */
  body: Buffer[];
  /** As declared or, where that is more, as received. */
  bodyBytes: number;
  receivedBytes: number;
  bodyComplete: boolean;
  /** Of a large body, where it is digested on its way. */
  hash: Hash | null = null;
  /** See poison.ts. */
  digest: string | null = null;
  /** Nothing else runs in its process while it does. */
  alone = false;
  process: ModelProcess | null = null;
  /** When its slot was granted, or user code first got it. */
  granted = 0;
  /** Waits for a slot, and counts against the queue's limits. */
  waiting = false;
  /** It has been granted a slot. */
  hasSlot = false;
  /** Of its own; one in a batch has none. */
  slotNumber = 0;
  /** Whose slot it shares. */
  batch: Batch | null = null;
  /** The model has it, but no user code runs for it until its slot is granted. */
  idleInModel = false;
  cancelled = false;
  /** Nothing is owed to the client any more. */
  answered = false;
  deadlineTimer: NodeJS.Timeout | null = null;
  graceTimer: NodeJS.Timeout | null = null;

  constructor(init: {
    head: RequestHead;
    responder: Responder;
    usesSlot: boolean;
    goesAhead: boolean;
    body: Buffer[];
    bodyBytes: number;
    bodyComplete: boolean;
  }) {
    this.order = nextOrder++;
    this.head = init.head;
    this.responder = init.responder;
    this.usesSlot = init.usesSlot;
    this.goesAhead = init.goesAhead;
    this.body = init.body;
    this.bodyBytes = init.bodyBytes;
    this.receivedBytes = init.bodyComplete ? init.bodyBytes : 0;
    this.bodyComplete = init.bodyComplete;
  }

  get jobs(): Job[] {
    return [this];
  }

  /** The model has it: a small one stays, to be known again where it ends its process. */
  releaseBody(): void {
    if (this.bodyBytes > INLINE_BODY_BYTES) this.body = [];
  }

  clearTimers(): void {
    if (this.deadlineTimer !== null) clearTimeout(this.deadlineTimer);
    if (this.graceTimer !== null) clearTimeout(this.graceTimer);
    this.deadlineTimer = this.graceTimer = null;
  }
}
