import { STREAM_WINDOW_BYTES, ToModel } from "../channel/frames.ts";
import { writeRequest } from "../channel/request-frame.ts";
import type { Job } from "./job.ts";
import type { ModelProcess } from "./model-process.ts";

/** Hands a job, and what there is of its body, to a process that it has been entered in. */
export function sendJob(job: Job, process: ModelProcess): void {
  const { writer } = process;
  job.head.bodyFollows = !(job.bodyComplete && job.body.length <= 1);
  const inline = job.head.bodyFollows ? null : (job.body[0] ?? null);
  writeRequest(writer, job.id, { head: job.head, body: inline });
  if (job.head.bodyFollows) {
    for (const piece of job.body) writer.bytes(ToModel.BODY, job.id, piece);
    if (job.bodyComplete) writer.empty(ToModel.BODY_END, job.id);
    else job.responder.credit?.(STREAM_WINDOW_BYTES);
  }
  job.responder.sent?.();
  // Alone, it would wait for nobody; among others, they share a write.
  if (process.jobs.size === 1) writer.flush();
  else writer.autoFlush();
}
