import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { installDir } from "../util/install-dir.ts";
import type { TypesReply, TypesRequest } from "./serve-types.ts";
import type { ReadTypes, TypesChange, TypesSource } from "./types-service.ts";

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

type Ask<T> = T extends { id: number } ? Omit<T, "id"> : never;

/** The thread that reads types, started when it is first asked and kept warm until it is disposed of. */
export class TypesReader {
  #worker: Worker | null = null;
  readonly #waiting = new Map<number, Waiting>();
  #id = 0;

  read(source: TypesSource): Promise<ReadTypes> {
    return this.#ask({ read: source }) as Promise<ReadTypes>;
  }

  compare(files: [path: string, text: string | null][]): Promise<TypesChange> {
    return this.#ask({ compare: files }) as Promise<TypesChange>;
  }

  async dispose(): Promise<void> {
    const worker = this.#worker;
    this.#worker = null;
    await worker?.terminate();
  }

  #ask(request: Ask<TypesRequest>): Promise<unknown> {
    const worker = (this.#worker ??= this.#start());
    const id = ++this.#id;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      worker.ref();
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      worker.postMessage({ ...request, id } as TypesRequest);
    });
  }

  #start(): Worker {
    const worker = new Worker(join(installDir(), "dist/cli/types-worker.mjs"));
    worker.on("message", ({ id, result, error }: TypesReply) => {
      const waiting = this.#take(id);
      if (error === undefined) waiting?.resolve(result);
      else waiting?.reject(Object.assign(new Error(error.message), { stack: error.stack }));
      // An idle thread keeps nobody from ending.
      if (this.#waiting.size === 0) worker.unref();
    });
    const fail = (error: Error): void => {
      if (this.#worker === worker) this.#worker = null;
      for (const id of this.#waiting.keys()) this.#take(id)?.reject(error);
    };
    worker.on("error", fail);
    worker.on("exit", () => fail(new Error("the thread that reads types has ended")));
    return worker;
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }
}
