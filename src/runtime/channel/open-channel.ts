import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { FrameReader, type FrameHandler } from "./frame-reader.ts";
import { FrameWriter } from "./frame-writer.ts";

const READ_BUFFER_BYTES = 128 * 1024;

/** The model process's end. */
export function openModelEnd(fd: number, onFrame: FrameHandler): { socket: Socket; writer: FrameWriter } {
  return open({ fd }, onFrame);
}

/**
 * The front's end: the pipe that child_process made. A socket that Node made allocates 64 KiB for every read,
 * which is a fifth of the front's time in garbage collection, and only the constructor takes a buffer of our
 * own; so the pipe's handle moves to a socket that has one.
 */
export function openFrontEnd(pipe: Duplex, onFrame: FrameHandler): { socket: Socket; writer: FrameWriter } {
  const handle = (pipe as unknown as { _handle?: object })._handle;
  if (handle !== undefined) return open({ handle }, onFrame);
  const reader = new FrameReader(onFrame);
  pipe.on("data", (chunk: Buffer) => reader.push(chunk));
  return { socket: pipe as Socket, writer: new FrameWriter(pipe as Socket) };
}

/** A socket whose reads all land in one buffer that is used again. */
function open(
  end: { fd: number } | { handle: object },
  onFrame: FrameHandler,
): { socket: Socket; writer: FrameWriter } {
  const reader = new FrameReader(onFrame);
  const options = {
    ...end,
    readable: true,
    writable: true,
    onread: {
      buffer: Buffer.allocUnsafeSlow(READ_BUFFER_BYTES),
      callback(bytes: number, buffer: Uint8Array): boolean {
        reader.push((buffer as Buffer).subarray(0, bytes));
        // What the frames of one read led to leaves in one write.
        writer.flush();
        return true;
      },
    },
  };
  const socket = new Socket(options);
  const writer = new FrameWriter(socket);
  return { socket, writer };
}
