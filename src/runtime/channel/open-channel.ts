import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { FrameReader, type FrameHandler } from "./frame-reader.ts";
import { FrameWriter } from "./frame-writer.ts";

const READ_BUFFER_BYTES = 128 * 1024;

/** The model process's end: every read lands in one buffer that is used again. */
export function openModelEnd(fd: number, onFrame: FrameHandler): { socket: Socket; writer: FrameWriter } {
  const reader = new FrameReader(onFrame);
  const options = {
    fd,
    readable: true,
    writable: true,
    onread: {
      buffer: Buffer.allocUnsafeSlow(READ_BUFFER_BYTES),
      callback(bytes: number, buffer: Uint8Array): boolean {
        reader.push((buffer as Buffer).subarray(0, bytes));
        return true;
      },
    },
  };
  const socket = new Socket(options);
  return { socket, writer: new FrameWriter(socket) };
}

/** The front's end: the stream that child_process made for the extra pipe. */
export function openFrontEnd(pipe: Duplex, onFrame: FrameHandler): { socket: Socket; writer: FrameWriter } {
  const socket = pipe as Socket;
  const reader = new FrameReader(onFrame);
  socket.on("data", (chunk: Buffer) => reader.push(chunk));
  return { socket, writer: new FrameWriter(socket) };
}
