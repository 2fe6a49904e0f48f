import type { FrameWriter } from "../channel/frame-writer.ts";
import { ToFront } from "../channel/frames.ts";
import type { OtlpSpan, ScopeSpans } from "../channel/otlp-span.ts";

const FLUSH_MS = 20;
/** In that time; more would be somebody's endless loop. */
const MAX_HELD = 2048;

/** Spans on their way to the front, which sends them on. */
export class SpanOutbox {
  readonly #writer: FrameWriter;
  readonly #scopes = new Map<string, ScopeSpans>();
  #held = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(writer: FrameWriter) {
    this.#writer = writer;
  }

  push(scope: ScopeSpans["scope"], span: OtlpSpan): void {
    if (this.#held >= MAX_HELD) return;
    this.#held += 1;
    const key = `${scope.name}@${scope.version ?? ""}`;
    const known = this.#scopes.get(key);
    if (known === undefined) this.#scopes.set(key, { scope, spans: [span] });
    else known.spans.push(span);
    this.#timer ??= setTimeout(() => this.flush(), FLUSH_MS).unref();
  }

  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#held === 0) return;
    this.#writer.json(ToFront.SPANS, 0, [...this.#scopes.values()]);
    this.#writer.flush();
    this.#scopes.clear();
    this.#held = 0;
  }
}
