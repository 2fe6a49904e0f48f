import type { OtlpTarget } from "./otel-settings.ts";
import { readAnswer } from "./read-answer.ts";

/** A receiver's account of what it refused; more is not read. */
const MOST_ANSWER_BYTES = 64 * 1024;
const RETRIED = new Set([429, 502, 503, 504]);
const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

/** Sends OTLP's JSON over HTTP; what a receiver puts off is sent again, and what is lost is told of once. */
export class OtlpSender {
  readonly #target: OtlpTarget;
  readonly #onProblem: (message: string) => void;
  readonly #stopped = new AbortController();
  #told = false;

  constructor(target: OtlpTarget, onProblem: (message: string) => void) {
    this.#target = target;
    this.#onProblem = onProblem;
  }

  /** From now on there is one attempt for everything, and no waiting. */
  stop(): void {
    this.#stopped.abort();
  }

  /** Never throws. */
  async send(body: string): Promise<void> {
    let pause = FIRST_PAUSE_MS;
    for (let attempt = 1; ; attempt++) {
      const { problem, retryAfterMs } = await this.#attempt(body);
      if (problem === null) {
        this.#told = false;
        return;
      }
      const isLast = attempt === ATTEMPTS || retryAfterMs === null || this.#stopped.signal.aborted;
      if (isLast) return this.#tell(`${this.#target.url} could not be sent what was measured: ${problem}`);
      await this.#wait(Math.min(LONGEST_PAUSE_MS, Math.max(pause, retryAfterMs)));
      pause *= 2;
    }
  }

  /** `retryAfterMs` is null where another attempt is of no use. */
  async #attempt(body: string): Promise<{ problem: string | null; retryAfterMs: number | null }> {
    const { url, headers, timeoutMs } = this.#target;
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
        body,
        signal: AbortSignal.timeout(timeoutMs),
      });
      const text = await readAnswer(response, MOST_ANSWER_BYTES);
      if (response.ok) return { problem: rejection(text), retryAfterMs: null };
      const seconds = Number(response.headers.get("retry-after") ?? 0);
      const retryAfterMs = RETRIED.has(response.status)
        ? Number.isFinite(seconds)
          ? seconds * 1000
          : 0
        : null;
      return { problem: `it answered ${response.status} ${text.slice(0, 200)}`.trim(), retryAfterMs };
    } catch (error) {
      const { message, cause } = error as Error;
      const why = cause instanceof Error ? `${message}: ${cause.message}` : message;
      return { problem: why, retryAfterMs: 0 };
    }
  }

  #wait(ms: number): Promise<void> {
    const { signal } = this.#stopped;
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      timer.unref();
      signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
    });
  }

  #tell(problem: string): void {
    if (!this.#told) this.#onProblem(problem);
    this.#told = true;
  }
}

/** A receiver may take a part and say so with a 200. */
function rejection(text: string): string | null {
  try {
    const { partialSuccess } = JSON.parse(text) as { partialSuccess?: Record<string, unknown> };
    const count = Number(partialSuccess?.["rejectedSpans"] ?? partialSuccess?.["rejectedDataPoints"] ?? 0);
    return count > 0 ? `it rejected ${count}: ${String(partialSuccess?.["errorMessage"] ?? "")}` : null;
  } catch {
    // Not every receiver answers with JSON.
    return null;
  }
}
