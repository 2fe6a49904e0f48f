import { setMaxListeners } from "node:events";
import type { ModelAnswer, ModelClient } from "../../client/call-model.ts";
import { readErrorAnswer } from "../../client/read-error-answer.ts";
import { isAppError } from "../../errors.ts";
import type { Example } from "../../protocol/config.ts";
import { exampleContentType } from "../../protocol/example-request.ts";
import { isRefusal, judgeAnswer } from "../../protocol/judge-answer.ts";
import { methodPath } from "../../protocol/methods.ts";
import { sha256Hex } from "../test-steps/run-example.ts";
import type { Finding } from "./finding.ts";

/** Why a call was given up. */
const LEFT = Symbol("the client left, as some do");
const LATE = Symbol("there was no answer in time");

export interface ExampleCall {
  example: Example;
  body: Uint8Array | string;
}

export interface TrafficOptions {
  client: ModelClient;
  calls: readonly ExampleCall[];
  clients: number;
  /** Share of the calls that are given up before their end, 0 to 1. */
  cancel: number;
  answerMs: number;
  signal: AbortSignal;
}

/** Sends the examples as clients would, over and over: whole answers, streams, and some that leave early. */
export class Traffic {
  answered = 0;
  cancelled = 0;
  failed = 0;
  /** Calls that had no answer in time. */
  late = 0;
  readonly #options: TrafficOptions;
  readonly #problems = new Map<string, { finding: Finding; count: number }>();
  /** Milliseconds of an answer, by example. */
  readonly #usualMs = new Map<string, number>();
  #next = 0;

  constructor(options: TrafficOptions) {
    this.#options = options;
    // Each client listens to it while it waits; Node warns of more than ten.
    setMaxListeners(0, options.signal);
  }

  /** What went wrong so far, each kind once. */
  get findings(): Finding[] {
    return [...this.#problems.values()].map(({ finding, count }) => ({ ...finding, count }));
  }

  /** Resolves when the last client has its answer or has left. */
  async run(ms: number): Promise<void> {
    const end = performance.now() + ms;
    const { clients, signal } = this.#options;
    const client = async (): Promise<void> => {
      while (performance.now() < end && !signal.aborted && this.late === 0) await this.#one(this.#next++);
    };
    await Promise.all(Array.from({ length: clients }, client));
  }

  async #one(turn: number): Promise<void> {
    const { client, calls, cancel, answerMs, signal } = this.#options;
    const round = Math.floor(turn / calls.length);
    const { example, body } = calls[turn % calls.length] as ExampleCall;
    // Every second answer is taken as it comes; the others are gathered, so that they can be compared.
    const gathered = round % 2 === 0;
    const leaves = Math.floor((turn + 1) * cancel) > Math.floor(turn * cancel);
    const leave = new AbortController();
    const stop = (): void => leave.abort(LEFT);
    signal.addEventListener("abort", stop, { once: true });
    const late = setTimeout(() => leave.abort(LATE), answerMs);
    // Anywhere within the time that it usually takes, its first moment included.
    const early = leaves
      ? setTimeout(() => leave.abort(LEFT), ((round % 7) / 7) * (this.#usualMs.get(example.name) ?? 0))
      : undefined;
    const began = performance.now();
    const call = {
      path: methodPath(example.method),
      headers: { "content-type": exampleContentType(example), accept: gathered ? "application/json" : "*/*" },
      body,
      timeoutMs: null,
      signal: leave.signal,
    };
    try {
      await client.call(call, (answer) => this.#check(example, answer, gathered));
      this.answered += 1;
      this.#usualMs.set(example.name, performance.now() - began);
    } catch (error) {
      this.#notAnswered(example, error);
    } finally {
      clearTimeout(late);
      clearTimeout(early);
      signal.removeEventListener("abort", stop);
    }
  }

  async #check(example: Example, answer: ModelAnswer, gathered: boolean): Promise<void> {
    const { status, contentType, requestId } = answer;
    const chunks: Uint8Array[] = [];
    for await (const chunk of answer.body) if (gathered || status >= 400) chunks.push(chunk);
    const whole = { status, contentType, body: Buffer.concat(chunks) };
    if (isRefusal(whole, example)) {
      const { message } = readErrorAnswer({ status, requestId, body: whole.body.toString("utf8") });
      return this.#problem("error-answer", example, message);
    }
    const { output: _output, ...statusAlone } = example;
    const difference = judgeAnswer(whole, gathered ? example : statusAlone, sha256Hex);
    if (difference !== null) this.#problem("different-output", example, difference);
  }

  #notAnswered(example: Example, error: unknown): void {
    if (error === LEFT) {
      this.cancelled += 1;
      return;
    }
    if (error === LATE) {
      this.late += 1;
      const seconds = this.#options.answerMs / 1000;
      return this.#problem("no-answer", example, `there was no whole answer within ${seconds} s`);
    }
    if (!isAppError(error)) throw error;
    this.#problem("broken-answer", example, error.message);
  }

  #problem(code: Finding["code"], example: Example, reason: string): void {
    this.failed += 1;
    const key = `${code} ${example.name}`;
    const known = this.#problems.get(key);
    if (known !== undefined) known.count += 1;
    else {
      const message = `The example "${example.name}": ${reason}`;
      this.#problems.set(key, { finding: { code, message }, count: 1 });
    }
  }
}
