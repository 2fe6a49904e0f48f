import { errorFamily, type ErrorFamily } from "../../protocol/error-family.ts";
import { CancelReason } from "../channel/frames.ts";
import type { Timings } from "../channel/response-frame.ts";
import type { ReceivedRequest } from "../channel/request-frame.ts";
import { traceIdOf } from "../channel/trace-context.ts";
import type { Reply } from "./formats/wire-format.ts";
import { jobTraces, type JobTrace, type Scope } from "./job-trace.ts";
import type { LaneHolder } from "./lanes.ts";
import { ModelRequest } from "./model-request.ts";
import { requestScope } from "./request-scope.ts";
import type { TranscriptEvents } from "./transcript.ts";

/** One request in a model process, from its frame to the end of its user code. */
export class Job implements LaneHolder {
  readonly id: number;
  readonly head: ReceivedRequest;
  readonly request: ModelRequest;
  readonly scope: Scope;
  /** null where no traces are asked for. */
  readonly trace: JobTrace | null;
  readonly timings: Timings = { preprocess: 0, predict: 0, postprocess: 0 };
  wants: StreamWish;
  /** How its answer is written where that is not as always. */
  reply: Reply | null = null;
  /** The events of its transcript, where its client wants them one by one. */
  transcript: TranscriptEvents | null = null;
  /** Its client wants embeddings as base64. */
  base64 = false;
  cancelled = false;
  /** No user code runs for it: it waits for its body or its slot. */
  idle = true;
  /** It holds one of the process's slots. */
  inLane = false;
  /** What preprocess returned, while it waits for its slot. */
  prepared: unknown = undefined;
  isPrepared = false;
  /** Bytes of stream that the client may still be sent before it must have read some. */
  credit = 0;
  /** Called when credit or a cancellation comes. */
  wake: (() => void) | null = null;
  /** Called once, when nothing more will be done for the request. */
  onSettled: (() => void) | null = null;
  /** Called once, when the request is cancelled. */
  onCancel: (() => void) | null = null;
  /** What user code threw, where that was the end of it. */
  thrown: { value: unknown } | null = null;
  /** Pieces of a body that is still coming. */
  body: BodyIntake | null = null;

  constructor(id: number, head: ReceivedRequest) {
    this.id = id;
    this.head = head;
    this.request = new ModelRequest(head);
    const traceparent = headerValue(head.headers, "traceparent");
    this.scope = { requestId: head.requestId, traceId: traceIdOf(traceparent) };
    this.trace =
      jobTraces.start?.(traceparent, this.scope, () => ({
        tracestate: headerValues(head.headers, "tracestate"),
        baggage: headerValues(head.headers, "baggage"),
      })) ?? null;
    this.wants = head.httpMethod === "" ? "gathered" : streamWish(head.headers);
  }

  /** In whose shape it is told of an error. */
  get errorFamily(): ErrorFamily {
    return errorFamily(this.head.url);
  }

  cancel(reason: number): void {
    if (this.cancelled) return;
    this.cancelled = true;
    // Listeners and generators that are ended are user code at work for this request.
    requestScope.run(this.scope, () => {
      ModelRequest.abort(this.request, cancelError(reason));
      this.onCancel?.();
      this.wake?.();
    });
  }
}

/** How a stream is to reach the client, by its Accept header (contract §5). */
export type StreamWish = "sse" | "gathered" | "chunks";

export interface BodyIntake {
  push(piece: Buffer): void;
  end(): void;
}

function streamWish(headers: string): StreamWish {
  const accept = headerValue(headers, "accept");
  if (accept === "") return "chunks";
  if (accept.includes("text/event-stream")) return "sse";
  if (accept.trim() !== "application/json") return "chunks";
  return /openai/i.test(headerValue(headers, "user-agent")) ? "chunks" : "gathered";
}

/** One header out of the joined list, without making a Headers object. */
export function headerValue(headers: string, name: string): string {
  const pairs = headers.split("\n");
  for (let i = 0; i + 1 < pairs.length; i += 2) {
    const key = pairs[i] as string;
    if (key.length === name.length && key.toLowerCase() === name) return pairs[i + 1] as string;
  }
  return "";
}

/** All headers of a name, as one list. */
function headerValues(headers: string, name: string): string {
  const pairs = headers.split("\n");
  const values: string[] = [];
  for (let i = 0; i + 1 < pairs.length; i += 2)
    if ((pairs[i] as string).toLowerCase() === name) values.push(pairs[i + 1] as string);
  return values.join(",");
}

function cancelError(reason: number): Error {
  const timedOut = reason === CancelReason.DEADLINE;
  const error = new Error(timedOut ? "The request is out of time." : "The client has gone.");
  error.name = timedOut ? "TimeoutError" : "AbortError";
  return error;
}
