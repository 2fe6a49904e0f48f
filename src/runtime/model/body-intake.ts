import type { FrameWriter } from "../channel/frame-writer.ts";
import { STREAM_WINDOW_BYTES, ToFront } from "../channel/frames.ts";
import type { BodyIntake, Job } from "./job.ts";
import { ModelRequest } from "./model-request.ts";

interface IntakeOptions {
  job: Job;
  writer: FrameWriter;
  /** User code reads the body while it arrives; otherwise it is gathered first. */
  streamed: boolean;
  onWhole: () => void;
}

/** Takes the pieces of a body that did not fit into its request's frame. */
export function receiveBody(options: IntakeOptions): BodyIntake {
  return options.streamed ? streamIntake(options) : wholeIntake(options);
}

function wholeIntake({ job, onWhole }: IntakeOptions): BodyIntake {
  const known = job.head.bodyBytes >= 0;
  let buffer = Buffer.allocUnsafeSlow(known ? job.head.bodyBytes : 256 * 1024);
  let length = 0;
  const push = (piece: Buffer): void => {
    if (length + piece.byteLength > buffer.byteLength) {
      const larger = Buffer.allocUnsafeSlow(Math.max(buffer.byteLength * 2, length + piece.byteLength));
      buffer.copy(larger, 0, 0, length);
      buffer = larger;
    }
    length += piece.copy(buffer, length);
  };
  push(job.head.body);
  return {
    push,
    end() {
      job.head.body = buffer.subarray(0, length);
      ModelRequest.setBody(job.request, job.head.body);
      onWhole();
    },
  };
}

function streamIntake({ job, writer }: IntakeOptions): BodyIntake {
  let controller: ReadableStreamDefaultController<Uint8Array>;
  // What user code has not read yet counts against the window that the front keeps.
  let owed = 0;
  const stream = new ReadableStream<Uint8Array>(
    {
      start(c) {
        controller = c;
      },
      pull() {
        if (owed < STREAM_WINDOW_BYTES / 4) return;
        writer.u32(ToFront.CREDIT, job.id, owed);
        owed = 0;
        writer.flush();
      },
    },
    { highWaterMark: 0 },
  );
  ModelRequest.setStream(job.request, stream);
  const push = (piece: Buffer): void => {
    if (piece.byteLength === 0) return;
    owed += piece.byteLength;
    controller.enqueue(Uint8Array.from(piece));
  };
  push(job.head.body);
  job.head.body = unreadableInput();
  return {
    push,
    end() {
      controller.close();
    },
  };
}

/** In place of the whole input: it would be wrong to give an empty one, so any look at it explains itself. */
function unreadableInput(): Buffer {
  const explain = (): never => {
    throw new Error(
      "This upload is streamed because the method takes (input, request): read request.body, or take one parameter to have it whole.",
    );
  };
  return new Proxy(Buffer.alloc(0), { get: explain, has: explain, ownKeys: explain });
}
