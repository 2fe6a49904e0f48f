import { closeSync, constants, fstatSync, openSync, writeSync } from "node:fs";
import { Socket } from "node:net";

const MAX_HELD_BYTES = 1024 * 1024;
const FLUSH_BYTES = 32 * 1024;
const FLUSH_MS = 20;
const RETRY_MS = 50;
const DRAIN_LOOK_MS = 2;

/**
 * Writes lines to a descriptor in batches and never blocks: a pipe that nobody reads costs lines, which are
 * counted and told of, not requests.
 */
export class LogSink {
  readonly #fd: number;
  /** For sockets, which are what Node's own children have as stderr. */
  readonly #socket: Socket | null;
  #lines: string[] = [];
  #bytes = 0;
  /** The unwritten end of a batch. */
  #rest: Buffer | null = null;
  #dropped = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(fd: number) {
    const stat = fstatSync(fd);
    this.#socket = stat.isSocket() ? new Socket({ fd, readable: false, writable: true }) : null;
    this.#socket?.on("error", () => undefined).unref();
    this.#fd = stat.isFIFO() ? reopenNonBlocking(fd) : fd;
  }

  write(line: string): void {
    if (this.#bytes > MAX_HELD_BYTES) {
      this.#dropped += 1;
      return;
    }
    this.#lines.push(line);
    this.#bytes += line.length + 1;
    if (this.#bytes > FLUSH_BYTES && this.#rest === null) this.flush();
    else this.#schedule(FLUSH_MS);
  }

  /** Writes what the descriptor takes at once. */
  flush(): void {
    if (this.#socket !== null) return this.#flushSocket(this.#socket);
    if (this.#rest !== null) {
      this.#bytes -= this.#rest.byteLength;
      if (!this.#writeNow(this.#rest)) return;
    }
    if (this.#lines.length > 0) this.#writeNow(this.#takeBatch());
  }

  /** Resolves once everything that was said is written, or after `ms`: a reader that reads loses nothing at the end. */
  async drain(ms: number): Promise<void> {
    const deadline = performance.now() + ms;
    for (;;) {
      this.flush();
      const held = this.#socket === null ? (this.#rest?.byteLength ?? 0) : this.#socket.writableLength;
      if ((held === 0 && this.#lines.length === 0) || performance.now() >= deadline) return;
      await new Promise((resolve) => setTimeout(resolve, DRAIN_LOOK_MS));
    }
  }

  #flushSocket(socket: Socket): void {
    if (this.#lines.length === 0) return;
    if (socket.writableLength > MAX_HELD_BYTES) return this.#schedule(RETRY_MS);
    socket.write(this.#takeBatch());
  }

  #takeBatch(): Buffer {
    if (this.#dropped > 0) {
      const message = `${this.#dropped} log lines were dropped: they came faster than they were read`;
      this.#lines.push(JSON.stringify({ time: new Date().toISOString(), level: "warn", message }));
      this.#dropped = 0;
    }
    this.#lines.push("");
    const batch = Buffer.from(this.#lines.join("\n"));
    this.#lines = [];
    this.#bytes = 0;
    return batch;
  }

  #writeNow(batch: Buffer): boolean {
    let at = 0;
    this.#rest = null;
    while (at < batch.byteLength) {
      try {
        at += writeSync(this.#fd, batch, at);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return true;
        this.#rest = batch.subarray(at);
        this.#bytes += this.#rest.byteLength;
        this.#schedule(RETRY_MS);
        return false;
      }
    }
    return true;
  }

  #schedule(ms: number): void {
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.flush();
    }, ms);
    this.#timer.unref();
  }
}

/**
 * A description of our own for the same pipe: O_NONBLOCK set on the inherited one would reach every process
 * that shares it.
 */
function reopenNonBlocking(fd: number): number {
  try {
    const own = openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
    process.on("exit", () => closeSync(own));
    return own;
  } catch {
    // No /proc (macOS), or the reader has gone: write to what there is.
    return fd;
  }
}
