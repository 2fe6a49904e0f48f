import type { MessagePort } from "node:worker_threads";
import { TypesService, type TypesSource } from "./types-service.ts";

export type TypesRequest =
  { id: number; read: TypesSource } | { id: number; compare: [path: string, text: string | null][] };

export interface TypesReply {
  id: number;
  result?: unknown;
  error?: { message: string; stack: string | undefined };
}

/** Answers the messages of a TypesReader, one after the other. */
export function serveTypes(port: MessagePort): void {
  const service = new TypesService();
  let last: Promise<void> = Promise.resolve();
  port.on("message", (request: TypesRequest) => {
    last = last.then(() => answer(request));
  });

  async function answer(request: TypesRequest): Promise<void> {
    const { id } = request;
    try {
      const result = "read" in request ? await service.read(request.read) : service.compare(request.compare);
      port.postMessage({ id, result } satisfies TypesReply);
    } catch (thrown) {
      const { message, stack } = thrown as Error;
      port.postMessage({ id, error: { message, stack } } satisfies TypesReply);
    }
  }
}
