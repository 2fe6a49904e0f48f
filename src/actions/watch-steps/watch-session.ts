import { randomBytes } from "node:crypto";
import { hostname, userInfo } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import type { DevelopmentClient } from "../../client/development-client.ts";
import { HostAnswerError } from "../../client/host-answer-error.ts";
import { AppError, isAppError } from "../../errors.ts";
import type { Reporter } from "../../events.ts";
import { type DevelopmentState, WATCH_BEAT_MS, type WatchLine } from "../../protocol/development.ts";

const AGAIN_MS = 500;

type Lines = AsyncGenerator<WatchLine>;

export interface SessionOptions {
  client: DevelopmentClient;
  takeover: boolean;
  report: Reporter;
  /** Whenever the server tells it, also when it is back. */
  onState(state: DevelopmentState): void;
}

/** The lease of a development deployment: taken again whenever the connection breaks, until it is closed or lost. */
export class WatchSession {
  readonly id = `wat_${randomBytes(12).toString("hex")}`;
  /** Rejects where the lease is lost for good: somebody else has it, the key is no longer good. */
  readonly lost: Promise<never>;
  readonly #options: SessionOptions;
  readonly #closed = new AbortController();
  #state: DevelopmentState | null = null;
  #waiting: (() => void)[] = [];
  #fail!: (error: unknown) => void;
  #takeover: boolean;
  #ended: Promise<void> = Promise.resolve();

  private constructor(options: SessionOptions) {
    this.#options = options;
    this.#takeover = options.takeover;
    this.lost = new Promise((_resolve, reject) => (this.#fail = reject));
    this.lost.catch(() => undefined);
  }

  /** Resolves once the lease is held; a server that goes away meanwhile is waited for. Throws what the server says. */
  static async open(options: SessionOptions, signal: AbortSignal): Promise<WatchSession> {
    const session = new WatchSession(options);
    session.#ended = session.#follow();
    try {
      await Promise.race([session.connected(signal), session.lost]);
    } catch (error) {
      await session.close();
      throw error;
    }
    return session;
  }

  /** As the server told last; null while nothing is heard of it. */
  get state(): DevelopmentState | null {
    return this.#state;
  }

  /** The state, once the lease is held. Rejects with the reason of the signal. */
  async connected(signal: AbortSignal): Promise<DevelopmentState> {
    while (this.#state === null) {
      signal.throwIfAborted();
      await new Promise<void>((resolve) => {
        signal.addEventListener("abort", () => resolve(), { once: true });
        this.#waiting.push(resolve);
      });
    }
    signal.throwIfAborted();
    return this.#state;
  }

  /** Another request broke: what was told before holds no longer. It is asked for again, on another connection. */
  doubt(): void {
    this.#state = null;
    const { client } = this.#options;
    client.renew(this.id, this.#closed.signal).then(
      (state) => this.#told(state),
      () => undefined,
    );
  }

  async close(): Promise<void> {
    this.#closed.abort(new Error("closed"));
    await this.#ended;
  }

  async #follow(): Promise<void> {
    const { report } = this.#options;
    const { signal } = this.#closed;
    let away = false;
    while (!signal.aborted) {
      try {
        const lines = await this.#take();
        if (away) report.emit({ type: "note", message: "the server is back" });
        away = false;
        await this.#read(lines);
      } catch (error) {
        if (signal.aborted) return;
        if (!comesBack(error)) return this.#fail(error);
      }
      this.#state = null;
      if (signal.aborted) return;
      if (!away) report.emit({ type: "note", message: "the server is away; saves wait until it is back" });
      away = true;
      await delay(AGAIN_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #take(): Promise<Lines> {
    const fields = { session: this.id, name: ownName(), takeover: this.#takeover };
    const lines = await this.#options.client.watch(fields, this.#closed.signal);
    // Only once: whoever takes it from us then means it.
    this.#takeover = false;
    return lines;
  }

  #told(state: DevelopmentState): void {
    this.#state = state;
    for (const wake of this.#waiting.splice(0)) wake();
    this.#options.onState(state);
  }

  async #read(lines: Lines): Promise<void> {
    const renewing = setInterval(() => {
      // Where it does not get through, the stream of lines breaks as well.
      this.#options.client.renew(this.id, this.#closed.signal).catch(() => undefined);
    }, WATCH_BEAT_MS);
    try {
      for await (const line of lines) {
        if (line.type === "revoked") {
          throw new AppError("WATCH_LOST", `${line.by} has taken over this development deployment.`, {
            hint: "purlin push --watch --takeover takes it back.",
          });
        }
        this.#told(line.state);
      }
    } finally {
      clearInterval(renewing);
    }
  }
}

/** As another watcher is told who holds the lease. */
function ownName(): string {
  let user = "somebody";
  try {
    user = userInfo().username;
  } catch {
    // A container without an entry for this user.
  }
  return `${user}@${hostname()} (process ${process.pid})`;
}

function comesBack(error: unknown): boolean {
  if (error instanceof HostAnswerError)
    return error.status === 408 || error.status === 429 || error.status >= 500;
  return isAppError(error) && error.code === "HOST_UNREACHABLE";
}
