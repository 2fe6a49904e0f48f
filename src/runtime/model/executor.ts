import type { FrameWriter } from "../channel/frame-writer.ts";
import { isPredict, METHODS } from "../../protocol/methods.ts";
import { ToFront } from "../channel/frames.ts";
import { monotonicMs } from "../channel/monotonic-ms.ts";
import { readRequest } from "../channel/request-frame.ts";
import { ContentType } from "../channel/response-frame.ts";
import { writeBatchDone } from "../channel/batch-frame.ts";
import { errorAnswer, sendAnswer, thrownAnswer, type Answer } from "./answer.ts";
import { AnswerGathering } from "./answer-gathering.ts";
import { BatchRun, type RowPipeline } from "./batch-run.ts";
import { receiveBody } from "./body-intake.ts";
import { checkOutput } from "./check-output.ts";
import { decodeInput } from "./decode-input.ts";
import { encodeOutput } from "./encode-output.ts";
import { Job } from "./job.ts";
import { Lanes } from "./lanes.ts";
import { log } from "./log.ts";
import type { ModelShape, UserMethod } from "./model-class.ts";
import { endUnused, isBlob, isResponse, isStream, isThenable, iteratorOf } from "./output-kind.ts";
import { requestScope } from "./request-scope.ts";
import { takesStream } from "./takes-stream.ts";
import { responseAnswer, streamAnswer } from "./stream-answer.ts";

export interface ExecutorOptions {
  writer: FrameWriter;
  concurrency: number;
  /** `runtime.batching.isolate_errors`. */
  isolateErrors: boolean;
  /** Outputs are checked against `static output`. */
  validateOutput: boolean;
}

/** Runs requests on the loaded model: preprocess, its slot, predict, postprocess, the answer. */
export class Executor {
  readonly #writer: FrameWriter;
  readonly #options: ExecutorOptions;
  /** By id; the front uses ids again, so the places stay few. A Map would cost more: see front/job-table.ts. */
  readonly #jobs: (Job | undefined)[] = [];
  readonly #lanes: Lanes<Job | BatchRun>;
  readonly #gathering = new AnswerGathering();
  #instance: Record<string, UserMethod> = {};
  #shape: ModelShape | null = null;
  /** Requests so far whose user code has ended. */
  settled = 0;

  constructor(options: ExecutorOptions) {
    this.#options = options;
    this.#writer = options.writer;
    this.#lanes = new Lanes(
      () => options.concurrency,
      (holder) => void (holder instanceof Job ? this.#runInLane(holder) : holder.run()),
    );
  }

  /** The model that requests run on from now; those that are running keep theirs. */
  use(instance: object, shape: ModelShape): void {
    this.#instance = instance as Record<string, UserMethod>;
    this.#shape = shape;
  }

  get shape(): ModelShape {
    return this.#shape as ModelShape;
  }

  get instance(): object {
    return this.#instance;
  }

  /** See Lanes.begun. */
  get begun(): number {
    return this.#lanes.begun;
  }

  job(id: number): Job | undefined {
    return this.#jobs[id];
  }

  receive(id: number, payload: Buffer): void {
    const job = new Job(id, readRequest(payload));
    this.#jobs[id] = job;
    if (job.head.bodyFollows) {
      const streamed = takesStream(this.#instance, this.shape, METHODS[job.head.method] as string);
      const onWhole = (): void => {
        job.body = null;
        this.#begin(job);
      };
      job.body = receiveBody({ job, writer: this.#writer, streamed, onWhole });
      if (streamed) this.#begin(job);
    } else this.#begin(job);
  }

  /** The slot that the job asked for. */
  go(id: number): void {
    const job = this.#jobs[id];
    if (job !== undefined) this.#queue(job);
  }

  /** The rows of a batch, which holds a slot from now. */
  batch(number: number, ids: readonly number[]): void {
    const rows = ids.map((id) => this.#jobs[id]).filter((job) => job !== undefined);
    const { isolateErrors } = this.#options;
    this.#lanes.enter(new BatchRun({ number, rows }, this.#rows, { isolateErrors }));
  }

  cancel(id: number, reason: number): void {
    const job = this.#jobs[id];
    if (job === undefined) return;
    job.cancel(reason);
    if (job.idle) this.#settle(job);
  }

  /** A place among the running predicts for what is no request; see Lanes.turn. */
  turn(): Promise<() => void> {
    return this.#lanes.turn();
  }

  /** Runs one example through the whole pipeline and gives its answer; used before the process is ready. */
  runDirect(job: Job): void {
    this.#jobs[job.id] = job;
    this.#begin(job);
  }

  #queue(job: Job): void {
    job.idle = true;
    // A row's slot comes with its batch.
    if (!this.shape.batches || !isPredict(job.head.method)) this.#lanes.enter(job);
  }

  #begin(job: Job): void {
    if (isPredict(job.head.method) && this.shape.methods.has("preprocess")) return this.#preprocess(job);
    if (job.head.hasSlot) this.#queue(job);
    else if (job.head.needsSlot) this.#askForSlot(job);
    else this.#predict(job);
  }

  #preprocess(job: Job): void {
    const began = performance.now();
    this.#withInput(job, (input) =>
      this.#call(job, { method: "preprocess", input }, (prepared) => {
        job.timings.preprocess = performance.now() - began;
        job.trace?.end();
        job.prepared = prepared;
        job.isPrepared = true;
        if (job.cancelled) return this.#settle(job);
        if (job.head.hasSlot) this.#queue(job);
        else if (job.head.needsSlot) this.#askForSlot(job);
        else this.#predict(job);
      }),
    );
  }

  #askForSlot(job: Job): void {
    job.idle = true;
    this.#writer.empty(ToFront.SLOT_WANTED, job.id);
    this.#writer.flushSoon();
  }

  #runInLane(job: Job): void {
    // Cancelled while it waited.
    if (this.#jobs[job.id] !== job) return this.#lanes.leave(job);
    const { deadline } = job.head;
    if (deadline !== 0 && monotonicMs() > deadline) {
      return this.#answer(job, outOfTime(job));
    }
    if (!this.#gathering.mayGoOn()) this.#writer.flush();
    this.#predict(job);
  }

  #predict(job: Job): void {
    const began = performance.now();
    const run = (input: unknown): void => {
      const method = METHODS[job.head.method] as string;
      this.#call(job, { method, input }, (output) => {
        job.timings.predict = performance.now() - began;
        if (job.trace !== null && !isStream(output) && !isResponse(output)) job.trace.end();
        this.#gathering.observe(job.timings.predict);
        this.#predicted(job, output, began);
      });
    };
    if (job.isPrepared) run(job.prepared);
    else this.#withInput(job, run);
  }

  /** How the rows of a batch go the way of every request. */
  readonly #rows: RowPipeline = {
    input: (row, take) => {
      row.idle = false;
      if (row.isPrepared) take(row.prepared);
      else this.#withInput(row, take);
    },
    call: (inputs, requests) =>
      (this.#instance["predictBatch"] as UserMethod).call(this.#instance, inputs, requests),
    output: (row, output, began) => {
      if (row.cancelled) return this.#settle(row);
      try {
        this.#predicted(row, output, began);
      } catch (error) {
        this.#answer(row, thrownAnswer(row, error));
      }
    },
    fail: (row, thrown) => this.#answer(row, thrownAnswer(row, thrown)),
    outOfTime: (row) => this.#answer(row, outOfTime(row)),
    done: (run, outcome) => {
      writeBatchDone(this.#writer, run.number, outcome);
      this.#writer.flushSoon();
      this.#lanes.leave(run);
    },
  };

  #predicted(job: Job, output: unknown, began: number): void {
    if (!isPredict(job.head.method) || !this.shape.methods.has("postprocess"))
      return this.#finish(job, output, began);
    if (isStream(output) || isResponse(output)) {
      const kind = isResponse(output) ? "a Response" : "a stream";
      requestScope.run(job.scope, () =>
        log(
          "error",
          `predict returned ${kind}: you cannot use postprocess with it. Return it from postprocess, or drop postprocess.`,
        ),
      );
      if (isStream(output)) void endUnused(output);
      return this.#answer(
        job,
        errorAnswer(job, "MODEL_ERROR", "The model failed on this request; its log has the reason."),
      );
    }
    if (job.inLane) {
      this.#writer.empty(ToFront.SLOT_FREE, job.id);
      this.#lanes.leave(job);
    }
    const postBegan = performance.now();
    this.#call(job, { method: "postprocess", input: output }, (final) => {
      job.timings.postprocess = performance.now() - postBegan;
      if (job.trace !== null && !isStream(final) && !isResponse(final)) job.trace.end();
      this.#finish(job, final, postBegan);
    });
  }

  #withInput(job: Job, next: (input: unknown) => void): void {
    const take = (input: unknown): void => {
      // Cancelled while its input was read.
      if (this.#jobs[job.id] === job) next(input);
    };
    decodeInput(job, this.shape, { take, refuse: (answer) => this.#answer(job, answer) });
  }

  /** Calls user code in the request's scope; sync results go on without a turn of the loop. */
  #call(job: Job, call: { method: string; input: unknown }, next: (output: unknown) => void): void {
    job.idle = false;
    job.trace?.begin(call.method);
    let output: unknown;
    const instance = this.#instance;
    try {
      output = requestScope.run(job.scope, () =>
        (instance[call.method] as UserMethod).call(instance, call.input, job.request),
      );
      // Looking at a value runs user code, too: getters, proxies, iterators.
      if (!isThenable(output)) return next(output);
    } catch (error) {
      return this.#answer(job, thrownAnswer(job, error));
    }
    const promise = output instanceof Promise ? output : Promise.resolve(output);
    const failed = (error: unknown): void => this.#answer(job, thrownAnswer(job, error));
    promise.then((value) => {
      try {
        next(value);
      } catch (error) {
        failed(error);
      }
    }, failed);
  }

  #finish(job: Job, output: unknown, began: number): void {
    if (job.cancelled && !isStream(output)) return this.#settle(job);
    if (isResponse(output)) {
      const passing = requestScope.run(job.scope, () => responseAnswer(this.#writer, job, output));
      return this.#whenDone(job, passing, began);
    }
    if (isStream(output)) {
      const streaming = requestScope.run(job.scope, () =>
        streamAnswer(this.#writer, job, iteratorOf(output)),
      );
      return this.#whenDone(job, streaming, began);
    }
    // A client that reads events finds nothing in a whole answer.
    if (job.transcript !== null) return this.#finish(job, [output].values(), began);
    if (isBlob(output)) return this.#finishBlob(job, output);
    const schema = this.#options.validateOutput
      ? this.shape.outputSchema.get(METHODS[job.head.method] as string)
      : undefined;
    if (schema !== undefined) void checkOutput(job, schema, output);
    this.#answer(job, encodeOutput(job, output));
  }

  #finishBlob(job: Job, blob: Blob): void {
    const headers = ["content-type", blob.type === "" ? "application/octet-stream" : blob.type];
    blob.arrayBuffer().then(
      (body) =>
        this.#answer(job, {
          status: 200,
          contentType: ContentType.HEADERS,
          headers,
          body: new Uint8Array(body),
        }),
      (error: unknown) => this.#answer(job, thrownAnswer(job, error)),
    );
  }

  #whenDone(job: Job, streaming: Promise<void>, began: number): void {
    streaming.then(
      () => {
        job.timings.predict = Math.max(job.timings.predict, performance.now() - began);
        this.#settle(job);
      },
      (error: unknown) => this.#answer(job, thrownAnswer(job, error)),
    );
  }

  #answer(job: Job, answer: Answer): void {
    if (this.#jobs[job.id] !== job) return;
    if (!job.cancelled) sendAnswer(this.#writer, job, answer);
    this.#settle(job);
  }

  /** User code of the job has ended; its slot is free. The only place where a job ends. */
  #settle(job: Job): void {
    if (this.#jobs[job.id] !== job) return;
    this.#jobs[job.id] = undefined;
    this.settled += 1;
    job.onSettled?.();
    job.trace?.end(job.thrown === null ? null : { thrown: job.thrown.value });
    if (job.cancelled) this.#writer.empty(ToFront.SETTLED, job.id);
    this.#writer.flushSoon();
    this.#lanes.leave(job);
  }
}

function outOfTime(job: Job): Answer {
  return errorAnswer(job, "DEADLINE_EXCEEDED", "The request was out of time before its turn.");
}
