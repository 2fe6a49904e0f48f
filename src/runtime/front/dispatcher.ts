import type { RuntimeConfig } from "../../protocol/config.ts";
import { CancelReason, MAX_GATHERED_ANSWERS, ToFront, ToModel } from "../channel/frames.ts";
import { monotonicMs } from "../channel/monotonic-ms.ts";
import { readResponse, readTimings, type Timings } from "../channel/response-frame.ts";
import type { Job } from "./job.ts";
import { JobQueue } from "./job-queue.ts";
import type { Metrics } from "./metrics.ts";
import type { ModelProcess } from "./model-process.ts";
import { sendJob } from "./send-job.ts";
import { SlotTime } from "./slot-time.ts";
import { WaitingRoom } from "./waiting-room.ts";

export interface DispatcherOptions {
  runtime: () => RuntimeConfig;
  metrics: Metrics;
  /** A process whose user code does not react to a cancellation. */
  onStuck: (process: ModelProcess) => void;
}

/**
 * The one place for the queue, slots, deadlines and cancellation. A job waits here for a slot, runs in a model
 * process, and gives its slot back when the process says that its user code has ended.
 */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #metrics: Metrics;
  readonly #queue = new JobQueue();
  /** Those that take jobs, and those that only finish what they have. */
  #processes: ModelProcess[] = [];
  readonly #waiting = new WaitingRoom();
  readonly #slotTime = new SlotTime();
  #inFlight = 0;
  #onIdle: (() => void) | null = null;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#metrics = options.metrics;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Waiting for a slot, here or ahead in a process. */
  get queued(): number {
    let ahead = 0;
    const limit = this.#concurrency;
    for (const process of this.#processes) ahead += Math.max(0, process.lane.length - limit);
    return this.#waiting.jobs + ahead;
  }

  get queuedBytes(): number {
    return this.#waiting.bytes;
  }

  /** Seconds after which a refused client may find room, from the measured service time. */
  get retryAfterSeconds(): number {
    const slots = Math.max(1, this.#processes.length) * this.#concurrency;
    return Math.min(600, Math.max(1, Math.ceil((this.queued * this.#slotTime.ms) / slots / 1000)));
  }

  /** Room for one more job with a body of that size? */
  hasRoom(bodyBytes: number): boolean {
    const { max_queue: maxQueue, max_queue_bytes: maxBytes } = this.#options.runtime();
    const idle = this.#waiting.jobs === 0 && this.#processes.some((process) => this.#hasFreeSlot(process));
    if (idle) return true;
    return this.queued < maxQueue && this.#waiting.bytes + bodyBytes <= maxBytes;
  }

  /** No more than the queue's limit of jobs that need no slot run at once. */
  get hasRoomAside(): boolean {
    return this.#inFlight - this.queued < this.#options.runtime().max_queue + this.#concurrency * 64;
  }

  /** Has a body that came without a length outgrown the queue? One that waits alone may. */
  isOverfull(job: Job): boolean {
    if (!job.waiting || this.#waiting.jobs === 1) return false;
    return this.#waiting.bytes > this.#options.runtime().max_queue_bytes;
  }

  addProcess(process: ModelProcess): void {
    this.#processes.push(process);
    this.#pump();
  }

  submit(job: Job): void {
    this.#inFlight += 1;
    const { deadline } = job.head;
    if (deadline !== 0) this.#armDeadline(job);
    if (job.usesSlot) this.#waiting.enter(job);
    if (job.goesAhead || !job.usesSlot) {
      const process = this.#leastLoaded();
      if (process !== null) return this.#send(job, process, false);
    }
    this.#queue.push(job);
    this.#pump();
  }

  /** More of a body that was not complete when its job was submitted. Returns false when the model lags behind. */
  body(job: Job, piece: Buffer): boolean {
    this.#waiting.grow(job, piece.byteLength);
    if (job.waiting) job.body.push(piece);
    const { process } = job;
    if (process === null || job.cancelled) return true;
    process.writer.bytes(ToModel.BODY, job.id, piece);
    process.writer.autoFlush();
    return !process.writer.congested;
  }

  bodyEnd(job: Job): void {
    job.bodyComplete = true;
    if (job.process === null || job.cancelled) return;
    job.process.writer.empty(ToModel.BODY_END, job.id);
    job.process.writer.autoFlush();
  }

  /** Nobody waits for the job's answer any more. */
  cancel(job: Job, reason: number): void {
    if (job.cancelled || job.answered) return;
    job.cancelled = true;
    if (reason !== CancelReason.CLOSED) this.#metrics.cancellations += 1;
    if (job.deadlineTimer !== null) clearTimeout(job.deadlineTimer);
    const { process } = job;
    this.#waiting.leave(job);
    job.body = [];
    if (process === null) return this.#settle(job);
    const { buffer, offset } = process.writer.frame(ToModel.CANCEL, job.id, 1);
    buffer[offset] = reason;
    process.writer.autoFlush();
    const graceMs = this.#options.runtime().cancel_grace_seconds * 1000;
    job.graceTimer = setTimeout(() => this.#graceOver(job, process), graceMs);
  }

  /** The client has read that much of a stream. */
  credit(job: Job, bytes: number): void {
    if (job.process === null || job.process.state === "dead") return;
    job.process.writer.u32(ToModel.CREDIT, job.id, bytes);
    job.process.writer.autoFlush();
  }

  /** Frames of a job, from the process that has it. */
  receive(process: ModelProcess, frame: { type: number; id: number }, payload: Buffer): void {
    const job = process.jobs.get(frame.id);
    if (job === undefined) return;
    const { responder } = job;
    switch (frame.type) {
      case ToFront.RESPONSE: {
        const { head, bodyStart } = readResponse(payload);
        this.#observe(job, head.timings);
        if (!job.cancelled) responder.respond(head, payload.subarray(bodyStart));
        job.answered = true;
        return this.#settle(job);
      }
      case ToFront.RESPONSE_HEAD:
        if (!job.cancelled) responder.head(readResponse(payload).head);
        return;
      case ToFront.CHUNK:
        if (!job.cancelled) responder.data(payload, true);
        return;
      case ToFront.BODY:
        if (!job.cancelled) responder.data(payload, false);
        return;
      case ToFront.END: {
        const timings = readTimings(payload, 0);
        this.#observe(job, timings);
        if (!job.cancelled) responder.end(timings);
        job.answered = true;
        return this.#settle(job);
      }
      case ToFront.ABORT:
        if (!job.cancelled) responder.fail("MODEL_ERROR", "The model failed while it was streaming.");
        job.answered = true;
        return this.#settle(job);
      case ToFront.SLOT_WANTED:
        job.idleInModel = true;
        process.wanting.push(job);
        return this.#pump();
      case ToFront.SLOT_FREE:
        process.lane.release(job);
        return this.#pump();
      case ToFront.SETTLED:
        return this.#settle(job);
      case ToFront.CREDIT:
        return responder.credit?.(payload.readUInt32LE(0));
      case ToFront.WS_MESSAGE:
        return responder.message?.(payload);
      case ToFront.WS_CLOSE:
        return responder.closed?.(payload);
    }
  }

  /**
   * The process has died. Jobs that may have been running are lost and say so; those that had not begun go
   * back to the head of the queue. Returns the ids of the lost ones' requests.
   */
  processDied(process: ModelProcess, reason: string): string[] {
    this.#processes = this.#processes.filter((other) => other !== process);
    const gathered = this.#slotTime.ahead > 1 ? MAX_GATHERED_ANSWERS : 0;
    const begun = process.lane.begunJobs(this.#concurrency, gathered);
    const again: Job[] = [];
    const lost: string[] = [];
    for (const job of process.jobs.all()) {
      if (job.cancelled) {
        this.#finish(job);
        continue;
      }
      if (isUntouched(job, process, begun)) again.push(job);
      else {
        lost.push(job.head.requestId);
        this.#lose(job, reason);
      }
    }
    process.lane.clear();
    for (const job of again) {
      process.jobs.remove(job);
      job.process = null;
      job.hasSlot = false;
      if (job.body.length > 1) job.body = [Buffer.concat(job.body)];
      this.#waiting.enter(job);
    }
    // The table has them by id, and ids are used again.
    this.#queue.unshift(again.sort((a, b) => a.order - b.order));
    this.#pump();
    return lost;
  }

  /** Every job that waits is refused: no process will come. */
  refuseWaiting(refuse: (job: Job) => void): void {
    for (const job of this.#queue.takeAll()) {
      job.answered = true;
      refuse(job);
      this.#settle(job);
    }
  }

  /** Resolves when nothing is in flight. */
  whenIdle(): Promise<void> {
    if (this.#inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => (this.#onIdle = resolve));
  }

  get #concurrency(): number {
    return this.#options.runtime().predict_concurrency;
  }

  /** Sends what may go: to the process with most room first, the oldest job first. */
  #pump(): void {
    for (;;) {
      const queued = this.#queue.peek();
      const process = this.#roomiest(queued !== undefined);
      if (process === null) return;
      const wanting = process.wanting.peek();
      const takesQueued = queued !== undefined && process.state === "ready";
      if (wanting !== undefined && !(takesQueued && queued.order < wanting.order)) {
        process.wanting.shift();
        this.#grant(wanting, process);
      } else if (takesQueued) {
        this.#queue.shift();
        this.#send(queued, process, queued.usesSlot && !queued.goesAhead);
      } else return;
    }
  }

  /** Among the processes with room for a job that is there for them. */
  #roomiest(anyQueued: boolean): ModelProcess | null {
    let best: ModelProcess | null = null;
    const window = this.#concurrency + this.#slotTime.ahead;
    for (const process of this.#processes) {
      if (process.lane.length >= window) continue;
      if (process.wanting.peek() === undefined && !(anyQueued && process.state === "ready")) continue;
      if (best === null || process.lane.length < best.lane.length) best = process;
    }
    return best;
  }

  #hasFreeSlot(process: ModelProcess): boolean {
    return process.state === "ready" && process.lane.length < this.#concurrency;
  }

  #leastLoaded(): ModelProcess | null {
    let best: ModelProcess | null = null;
    for (const process of this.#processes) {
      if (process.state !== "ready") continue;
      if (best === null || process.jobs.size < best.jobs.size) best = process;
    }
    return best;
  }

  #send(job: Job, process: ModelProcess, withSlot: boolean): void {
    job.process = process;
    process.jobs.add(job);
    job.head.hasSlot = withSlot;
    if (withSlot) this.#holdSlot(job, process);
    else if (!job.usesSlot) job.granted = performance.now();
    sendJob(job, process);
  }

  #grant(job: Job, process: ModelProcess): void {
    this.#holdSlot(job, process);
    job.body = [];
    process.writer.empty(ToModel.GO, job.id);
    process.writer.autoFlush();
  }

  #holdSlot(job: Job, process: ModelProcess): void {
    this.#waiting.leave(job);
    process.lane.grant(job);
  }

  #observe(job: Job, timings: Timings): void {
    this.#metrics.observeJob(job, timings);
    if (job.usesSlot && timings.predict > 0) this.#slotTime.observe(timings.predict);
  }

  #armDeadline(job: Job): void {
    const left = Math.max(0, job.head.deadline - monotonicMs());
    job.deadlineTimer = setTimeout(() => {
      if (job.answered || job.cancelled) return;
      job.responder.fail("DEADLINE_EXCEEDED", "The request's deadline has passed.");
      this.cancel(job, CancelReason.DEADLINE);
    }, left);
  }

  #graceOver(job: Job, process: ModelProcess): void {
    job.graceTimer = null;
    if (process.state === "dead" || !process.jobs.has(job)) return;
    // Behind a job that runs rightly: it will be dropped when its turn comes.
    if (!this.#mayRun(job, process)) return;
    this.#options.onStuck(process);
  }

  /** Could user code be running for this job? */
  #mayRun(job: Job, process: ModelProcess): boolean {
    if (process.lane.has(job)) return process.lane.isRunning(job, this.#concurrency);
    if (!job.usesSlot || job.hasSlot) return true;
    return !job.idleInModel && job.bodyComplete && process.info?.methods.includes("preprocess") === true;
  }

  #lose(job: Job, reason: string): void {
    job.answered = true;
    this.#waiting.leave(job);
    job.responder.fail(
      "MODEL_CRASHED",
      `The model process ended while it worked on this request (${reason}).`,
    );
    this.#finish(job);
  }

  /** The only place where a job gives back what it holds. */
  #settle(job: Job): void {
    const { process } = job;
    if (process !== null) {
      process.jobs.remove(job);
      process.lane.release(job);
    }
    this.#waiting.leave(job);
    this.#finish(job);
    this.#pump();
  }

  #finish(job: Job): void {
    job.clearTimers();
    job.body = [];
    this.#inFlight -= 1;
    job.responder.settled?.();
    if (this.#inFlight === 0) {
      this.#onIdle?.();
      this.#onIdle = null;
    }
  }
}

/** Has no user code run for it, and is all of it still here, so that another process can take it? */
function isUntouched(job: Job, process: ModelProcess, begun: Set<Job>): boolean {
  if (job.hasSlot) return job.head.hasSlot && job.bodyComplete && !begun.has(job);
  const unprepared = process.info?.methods.includes("preprocess") !== true;
  return job.waiting && job.bodyComplete && unprepared;
}
