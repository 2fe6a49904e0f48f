import { Socket } from "node:net";
import type { ControlEvent, ControlRequest } from "../../protocol/control.ts";

/** The line to the process that started this runtime; without one, events go nowhere. */
export class ControlChannel {
  readonly #socket: Socket | null;

  constructor(fd: number | null, handlers: { onRequest(request: ControlRequest): void; onClose(): void }) {
    this.#socket = fd === null ? null : new Socket({ fd, readable: true, writable: true });
    if (this.#socket === null) return;
    let held = "";
    this.#socket.setEncoding("utf8");
    this.#socket.on("data", (text: string) => {
      const lines = (held + text).split("\n");
      held = lines.pop() as string;
      for (const line of lines) if (line !== "") handlers.onRequest(JSON.parse(line) as ControlRequest);
    });
    this.#socket.on("error", () => undefined);
    this.#socket.on("close", () => handlers.onClose());
  }

  send(event: ControlEvent): void {
    if (this.#socket?.writable === true) this.#socket.write(`${JSON.stringify(event)}\n`);
  }

  /** Its being open keeps no process alive. */
  unref(): void {
    this.#socket?.unref();
  }
}
