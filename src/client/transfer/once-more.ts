import { isAppError } from "../../errors.ts";
import { HostAnswerError } from "../host-answer-error.ts";
import { fileChanged } from "./file-body.ts";

const MISMATCHES = new Set<string | null>(["DIGEST_MISMATCH", "PART_MISMATCH"]);
const UNREADABLE = new Set<string | undefined>(["ENOENT", "EACCES", "EISDIR"]);

/** A digest that does not fit: the file is read again once; then it is the file that changes. Throws AppError FILE_CHANGED. */
export async function onceMore(path: string, work: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await work();
      return;
    } catch (error) {
      const code = (error as { cause?: { code?: string } }).cause?.code;
      if (isAppError(error) && UNREADABLE.has(code))
        throw fileChanged(path, "cannot be read any more", error);
      const isOther =
        (error instanceof HostAnswerError && MISMATCHES.has(error.hostCode)) ||
        // The stream was shorter than the length that was declared.
        code === "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH";
      if (!isOther) throw error;
      if (attempt === 2) throw fileChanged(path, "is not what was packed", error);
    }
  }
}
