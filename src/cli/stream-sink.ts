import type { Writable } from "node:stream";
import type { Sink } from "./io.ts";

export interface StreamSink extends Sink {
  /** Everything has left this process, or never will. */
  flushed(): Promise<void>;
}

/** A stream of the process as a sink that swallows writes once its reader has gone. */
export function streamSink(
  stream: Writable & { columns?: number },
  onBroken: (error: NodeJS.ErrnoException) => void,
): StreamSink {
  let broken = false;
  stream.on("error", (error) => {
    if (broken) return;
    broken = true;
    onBroken(error);
  });
  const drained = (): Promise<void> =>
    new Promise((resolve) => {
      const events = ["drain", "error", "close"];
      const done = (): void => {
        for (const event of events) stream.off(event, done);
        resolve();
      };
      for (const event of events) stream.on(event, done);
    });
  return {
    write: (chunk) => broken || stream.write(chunk),
    drained: () => (!broken && stream.writableNeedDrain ? drained() : Promise.resolve()),
    flushed: () =>
      new Promise((resolve) => {
        // A turn later: a file tells of its failed write only then.
        if (broken || stream.writableLength === 0) return void setImmediate(resolve);
        stream.once("error", () => resolve());
        stream.write("", () => resolve());
      }),
    get broken() {
      return broken;
    },
    get columns() {
      return stream.columns;
    },
  };
}
