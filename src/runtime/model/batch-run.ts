import type { BatchOutcome } from "../channel/batch-frame.ts";
import { monotonicMs } from "../channel/monotonic-ms.ts";
import type { Job } from "./job.ts";
import type { Scope } from "./job-trace.ts";
import type { LaneHolder } from "./lanes.ts";
import { isStream } from "./output-kind.ts";
import { requestScope } from "./request-scope.ts";

/** What a batch needs of the way that every request goes. */
export interface RowPipeline {
  /** Hands over the row's input; one without a good one is answered instead, and `take` never called. */
  input(row: Job, take: (input: unknown) => void): void;
  /** The model's predictBatch. */
  call(inputs: unknown[], requests: unknown[]): unknown;
  /** The row's own result goes on to postprocess and to its caller. */
  output(row: Job, output: unknown, began: number): void;
  fail(row: Job, thrown: unknown): void;
  outOfTime(row: Job): void;
  /** The slot is free: user code of the batch has ended. */
  done(run: BatchRun, outcome: BatchOutcome): void;
}

export interface BatchOptions {
  /** When a whole batch throws, its rows are tried one by one. */
  isolateErrors: boolean;
}

/** One call of predictBatch: its rows from the slot to a result, or an error, for each. */
export class BatchRun implements LaneHolder {
  inLane = false;
  readonly number: number;
  readonly #rows: readonly Job[];
  readonly #pipeline: RowPipeline;
  readonly #options: BatchOptions;
  #outcome: BatchOutcome = { ms: 0, rows: 0 };

  constructor(batch: { number: number; rows: readonly Job[] }, pipeline: RowPipeline, options: BatchOptions) {
    this.number = batch.number;
    this.#rows = batch.rows;
    this.#pipeline = pipeline;
    this.#options = options;
  }

  async run(): Promise<void> {
    const given = await this.#inputs();
    // Those that were cancelled while others' inputs were checked leave before user code sees them.
    const prepared = this.#rows.filter((row) => given.has(row));
    const rows = prepared.filter((row) => !row.cancelled);
    const left = prepared.filter((row) => row.cancelled);
    try {
      if (rows.length === 0) this.#pipeline.done(this, this.#outcome);
      else await this.#runRows(rows, given);
    } finally {
      for (const row of left) this.#pipeline.output(row, null, 0);
    }
  }

  /** The inputs of the rows that have one; the others have their answers. */
  async #inputs(): Promise<Map<Job, unknown>> {
    const given = new Map<Job, unknown>();
    // One that was cancelled while the batch waited has been settled.
    const open = this.#rows.filter((row) => !row.cancelled && !this.#dropLate(row));
    // All at once, so that none can be settled before it is looked at: nobody would tell of it any more.
    await Promise.all(open.map((row) => this.#input(row, given)));
    return given;
  }

  /** Resolves when the row has an input, or needs none any more. */
  #input(row: Job, given: Map<Job, unknown>): Promise<void> {
    return new Promise((resolve) => {
      row.onSettled = resolve;
      this.#pipeline.input(row, (input) => {
        row.onSettled = null;
        given.set(row, input);
        resolve();
      });
    });
  }

  #dropLate(row: Job): boolean {
    const { deadline } = row.head;
    const isLate = deadline !== 0 && monotonicMs() > deadline;
    if (isLate) this.#pipeline.outOfTime(row);
    return isLate;
  }

  async #runRows(rows: readonly Job[], given: ReadonlyMap<Job, unknown>): Promise<void> {
    const first = await this.#call(rows, given);
    this.#outcome = { ms: first.ms, rows: rows.length };
    if (!("thrown" in first) || !this.#options.isolateErrors || rows.length === 1) {
      // The next batch need not wait for what becomes of these results.
      this.#pipeline.done(this, this.#outcome);
      this.#deliver(rows, first);
      return;
    }
    const single: [Job, Called][] = [];
    for (const row of rows) if (!row.cancelled) single.push([row, await this.#call([row], given)]);
    this.#pipeline.done(this, this.#outcome);
    const tried = new Set(single.map(([row]) => row));
    for (const row of rows) if (!tried.has(row)) this.#pipeline.output(row, null, 0);
    for (const [row, called] of single) this.#deliver([row], called);
  }

  async #call(rows: readonly Job[], given: ReadonlyMap<Job, unknown>): Promise<Called> {
    const began = performance.now();
    for (const row of rows) row.trace?.begin("predictBatch");
    let called: { outputs: ArrayLike<unknown> } | { thrown: unknown };
    try {
      const outputs = await requestScope.run(scopeOf(rows), () =>
        this.#pipeline.call(
          rows.map((row) => given.get(row)),
          rows.map((row) => row.request),
        ),
      );
      called = { outputs: checked(outputs, rows.length) };
    } catch (thrown) {
      called = { thrown };
    }
    const ms = performance.now() - began;
    for (const row of rows) row.timings.predict = ms;
    return { ...called, ms, began };
  }

  #deliver(rows: readonly Job[], called: Called): void {
    for (const [i, row] of rows.entries()) {
      if ("thrown" in called) this.#pipeline.fail(row, called.thrown);
      else this.#deliverOutput(row, called, i);
    }
  }

  /** Looking at a list or a value may run user code: what it throws is that row's own failure. */
  #deliverOutput(
    row: Job,
    { outputs, began }: { outputs: ArrayLike<unknown>; began: number },
    i: number,
  ): void {
    try {
      this.#deliverRow(row, outputs[i], began);
    } catch (error) {
      this.#pipeline.fail(row, error);
    }
  }

  #deliverRow(row: Job, output: unknown, began: number): void {
    if (output instanceof Error) return this.#pipeline.fail(row, output);
    if (isStream(output)) return this.#pipeline.fail(row, new TypeError(STREAMED_ROW));
    row.trace?.end();
    this.#pipeline.output(row, output, began);
  }
}

type Called = ({ outputs: ArrayLike<unknown> } | { thrown: unknown }) & { ms: number; began: number };

const STREAMED_ROW =
  "a result of predictBatch is a stream, which a batch cannot give: return whole values, or stream from postprocess";

function checked(outputs: unknown, count: number): ArrayLike<unknown> {
  const isList = Array.isArray(outputs) || (ArrayBuffer.isView(outputs) && !(outputs instanceof DataView));
  if (!isList) {
    const what = outputs === null ? "null" : isStream(outputs) ? "a stream" : `a ${typeof outputs}`;
    throw new TypeError(
      `predictBatch must return an array with a result for each input; it returned ${what}`,
    );
  }
  const list = outputs as ArrayLike<unknown>;
  if (list.length === count) return list;
  throw new TypeError(
    `predictBatch must return a result for each input: it was given ${count} and returned ${list.length}`,
  );
}

/** Whom user code works for: what it logs names all of them, spans that it makes are below the first one's. */
function scopeOf(rows: readonly Job[]): Scope {
  const [first] = rows as [Job];
  if (rows.length === 1) return first.scope;
  const { span, carried } = first.scope;
  return {
    requestId: "",
    requestIds: rows.map(({ scope }) => scope.requestId),
    traceId: "",
    ...(span === undefined ? {} : { span }),
    // The state is of the span's trace; the baggage is of one caller, and not for the others.
    ...(carried === undefined ? {} : { carried: { ...carried, baggage: "" } }),
  };
}
