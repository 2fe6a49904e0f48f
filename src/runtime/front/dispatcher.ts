import type { RuntimeConfig } from "../../protocol/config.ts";
import { CancelReason, MAX_GATHERED_ANSWERS, ToFront, ToModel } from "../channel/frames.ts";
import { monotonicMs } from "../channel/monotonic-ms.ts";
import { readResponse, readTimings, type Timings } from "../channel/response-frame.ts";
import { readBatchDone, writeBatch } from "../channel/batch-frame.ts";
import type { Batch } from "./batch.ts";
import { Batcher, isRow } from "./batcher.ts";
import { leastLoaded, nextJob, roomiest } from "./choose-process.ts";
import { isBeingPrepared, isUntouched, mayHaveRun } from "./is-untouched.ts";
import type { Job } from "./job.ts";
import { JobQueue } from "./job-queue.ts";
import type { Metrics } from "./metrics.ts";
import type { Poison } from "./poison.ts";
import type { ModelProcess } from "./model-process.ts";
import { sendJob } from "./send-job.ts";
import { SlotTime } from "./slot-time.ts";
import { WaitingRoom } from "./waiting-room.ts";

/** How long a suspect waits for a process without other work: a stream may run for hours. */
const LONGEST_HOLD_UP_MS = 5000;

export interface DispatcherOptions {
  runtime: () => RuntimeConfig;
  metrics: Metrics;
  poison: Poison;
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
  readonly #poison: Poison;
  readonly #slotTime = new SlotTime();
  readonly #batcher: Batcher;
  /** Some process takes calls of predict in batches. */
  #usesBatches = false;
  #inFlight = 0;
  #onIdle: (() => void) | null = null;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#metrics = options.metrics;
    this.#poison = options.poison;
    this.#batcher = new Batcher({
      ...options,
      send: (batch) => this.#sendBatch(batch),
      wake: () => this.#pump(),
    });
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
    const jobMs = this.#batcher.rowMs || this.#slotTime.ms;
    return Math.min(600, Math.max(1, Math.ceil((this.queued * jobMs) / slots / 1000)));
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
    this.#usesBatches ||= process.batches;
    this.#pump();
  }

  submit(job: Job): void {
    this.#inFlight += 1;
    const { deadline } = job.head;
    if (deadline !== 0) this.#armDeadline(job);
    if (job.usesSlot) this.#waiting.enter(job);
    job.alone = this.#poison.suspects(job);
    if (job.goesAhead || !job.usesSlot) {
      const process = leastLoaded(this.#processes);
      if (process !== null) return this.#send(job, process, false);
    }
    this.#noteRow(job);
    this.#queue.push(job);
    this.#pump();
  }

  /** More of a body that was not complete when its job was submitted. Returns false when the model lags behind. */
  body(job: Job, piece: Buffer): boolean {
    this.#waiting.grow(job, piece.byteLength);
    job.hash?.update(piece);
    if (job.waiting) job.body.push(piece);
    const { process } = job;
    if (process === null || job.cancelled) return true;
    process.writer.bytes(ToModel.BODY, job.id, piece);
    process.writer.autoFlush();
    return !process.writer.congested;
  }

  bodyEnd(job: Job): void {
    job.bodyComplete = true;
    job.alone = this.#poison.suspects(job);
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
    job.releaseBody();
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
    if (frame.type === ToFront.BATCH_DONE) {
      this.#batcher.ended(frame.id, readBatchDone(payload), this.#waiting.jobs);
      return this.#pump();
    }
    const job = process.jobs.get(frame.id);
    if (job === undefined) return;
    const { responder } = job;
    switch (frame.type) {
      case ToFront.RESPONSE: {
        const { head, bodyStart } = readResponse(payload);
        this.#observe(job, head.timings);
        // The model process found it out of time before the timer here has rung.
        if (!job.cancelled && head.code === "DEADLINE_EXCEEDED") this.#metrics.cancellations += 1;
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
        this.#noteRow(job);
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
   * back to the head of the queue. Returns the ids of the lost ones' requests. `blames`: it ended unasked.
   */
  processDied(process: ModelProcess, reason: string, blames: boolean): string[] {
    this.#processes = this.#processes.filter((other) => other !== process);
    // What lies beyond the slots was sent ahead, and begins before the answer that makes room for it has left.
    const begun = process.lane.begunJobs(this.#concurrency, MAX_GATHERED_ANSWERS);
    const again: Job[] = [];
    const lost: Job[] = [];
    const cancelled: Job[] = [];
    for (const job of process.jobs.all()) {
      if (job.cancelled) cancelled.push(job);
      else if (isUntouched(job, process, begun)) again.push(job);
      else lost.push(job);
    }
    if (blames) this.#poison.died([...lost, ...cancelled].filter((job) => mayHaveRun(job, process, begun)));
    for (const job of cancelled) this.#finish(job);
    for (const job of lost) this.#lose(job, reason);
    process.lane.clear();
    this.#batcher.processDied(process);
    for (const job of again) {
      process.jobs.remove(job);
      job.process = null;
      job.batch = null;
      job.hasSlot = job.idleInModel = false;
      if (job.body.length > 1) job.body = [Buffer.concat(job.body)];
      this.#waiting.enter(job);
    }
    // The table has them by id, and ids are used again.
    this.#queue.unshift(again.sort((a, b) => a.order - b.order));
    this.#pump();
    return lost.map(({ head }) => head.requestId);
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

  #noteRow(job: Job): void {
    if (this.#usesBatches && isRow(job)) this.#batcher.arrived(job);
  }

  /** Sends what may go: to the process with most room first, the oldest job first. */
  #pump(): void {
    do this.#pumpJobs();
    while (this.#pumpBatches());
  }

  #pumpJobs(): void {
    for (;;) {
      const queued = this.#queue.peek();
      const limits = { slots: this.#concurrency, ahead: this.#slotTime.ahead };
      const process = roomiest(this.#processes, queued, limits);
      if (process === null) return this.#boundWaits(queued);
      const job = nextJob(process, queued) as Job;
      if (job.idleInModel) {
        process.wanting.shift();
        this.#grant(job, process);
      } else {
        this.#queue.shift();
        this.#send(job, process, job.usesSlot && !job.goesAhead);
      }
    }
  }

  /** A suspect that is next holds up all others until it can run alone; not for longer than that is worth. */
  #boundWaits(queued: Job | undefined): void {
    if (!this.#poison.hasSuspects) return;
    for (const job of [queued, ...this.#processes.map(({ wanting }) => wanting.peek())]) {
      if (job === undefined || !job.alone || job.holdsUp) continue;
      job.holdsUp = true;
      setTimeout(() => {
        if (!job.waiting) return;
        job.alone = false;
        this.#pump();
      }, LONGEST_HOLD_UP_MS).unref();
    }
  }

  #pumpBatches(): boolean {
    if (!this.#usesBatches) return false;
    const processes = this.#processes.filter(({ batches }) => batches);
    return this.#batcher.pump({ queue: this.#queue, processes });
  }

  #hasFreeSlot(process: ModelProcess): boolean {
    return process.state === "ready" && process.lane.length < this.#concurrency;
  }

  #send(job: Job, process: ModelProcess, withSlot: boolean): void {
    if (withSlot) this.#holdSlot(job, process);
    else if (!job.usesSlot) job.granted = performance.now();
    this.#enter(job, process, withSlot);
  }

  #enter(job: Job, process: ModelProcess, withSlot: boolean): void {
    job.process = process;
    process.jobs.add(job);
    job.head.hasSlot = withSlot;
    sendJob(job, process);
  }

  #grant(job: Job, process: ModelProcess): void {
    this.#holdSlot(job, process);
    job.releaseBody();
    process.writer.empty(ToModel.GO, job.id);
    process.writer.autoFlush();
  }

  #holdSlot(job: Job, process: ModelProcess): void {
    this.#beginsIn(job);
    process.lane.grant(job);
  }

  #beginsIn(job: Job): void {
    this.#waiting.leave(job);
    job.hasSlot = true;
    job.granted = performance.now();
  }

  #sendBatch(batch: Batch): void {
    const { process, jobs } = batch;
    for (const row of jobs) {
      this.#beginsIn(row);
      if (row.idleInModel) row.releaseBody();
      else this.#enter(row, process, true);
    }
    const ids = jobs.map(({ id }) => id);
    writeBatch(process.writer, batch.number, ids);
    process.writer.flush();
  }

  #observe(job: Job, timings: Timings): void {
    if (job.process !== null) job.process.hasAnswered = true;
    this.#metrics.observeJob(job, timings);
    if (job.usesSlot && job.batch === null && timings.predict > 0) this.#slotTime.observe(timings.predict);
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
    if (job.batch !== null && process.lane.has(job.batch)) return !job.batch.isWanted;
    if (process.lane.has(job)) return process.lane.isRunning(job, this.#concurrency);
    return !job.usesSlot || job.hasSlot || isBeingPrepared(job, process);
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
      if (job.batch === null) process.lane.release(job);
      else job.batch.rows.delete(job);
      // Its user code has ended, and the process lives.
      if (job.granted !== 0) this.#poison.survived(job);
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
