import { ToModel, type FailedInfo, type LoadedInfo, type SwapRequest } from "../channel/frames.ts";
import { swapTimeoutMs } from "./debugger-limits.ts";
import type { ModelProcess } from "./model-process.ts";

const NO_ANSWER: FailedInfo = { error: "the model process does not answer", stage: "swap" };

/**
 * Puts the methods of the generation in `to.dir` on the loaded instances, on all or on none. Rejects with a FailedInfo
 * where one refuses; then all have those of `before` again.
 */
export async function swapAll(
  processes: readonly ModelProcess[],
  to: SwapRequest,
  before: string,
): Promise<void> {
  try {
    for (const process of processes) await swap(process, to);
  } catch (error) {
    await swapBack(processes, before);
    throw error;
  }
}

async function swap(process: ModelProcess, request: SwapRequest): Promise<void> {
  const answer = await process.call(ToModel.SWAP, request, swapTimeoutMs);
  if (answer === null) throw NO_ANSWER;
  const { ok, error = "the methods could not be swapped", stage = "swap", stack, loaded } = parse(answer);
  if (!ok) throw { error, stage, ...(stack === undefined ? {} : { stack }) } satisfies FailedInfo;
  process.info = { ...(process.info as LoadedInfo), ...loaded };
  process.packageDir = request.dir;
}

/** Some have the new methods, or may have them in a while, and one refused: all are to have the old ones. */
async function swapBack(processes: readonly ModelProcess[], dir: string): Promise<void> {
  for (const process of processes) {
    if (process.state === "draining" || process.state === "dead") continue;
    try {
      await swap(process, { dir, examples: "tell" });
    } catch (error) {
      // A busy one will do both, one after the other. One that cannot go back ends, and is healed as it was.
      if (error !== NO_ANSWER) process.kill();
    }
  }
}

interface SwapResult {
  ok: boolean;
  error?: string;
  stage?: string;
  stack?: string;
  loaded?: Partial<LoadedInfo>;
}

function parse(answer: Buffer): SwapResult {
  return JSON.parse(answer.toString()) as SwapResult;
}
