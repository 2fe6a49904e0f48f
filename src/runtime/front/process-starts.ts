import type { FailedInfo } from "../channel/frames.ts";
import type { ModelProcess } from "./model-process.ts";

interface Start {
  resolve(): void;
  reject(error: FailedInfo): void;
  timer: NodeJS.Timeout;
}

/** Who waits for which process to have loaded. */
export class ProcessStarts {
  readonly #starts = new Map<ModelProcess, Start>();

  /** Resolves once the model has loaded; rejects with a FailedInfo where it cannot, or not in time. */
  wait(process: ModelProcess, timeoutSeconds: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.settle(process, { error: `load took longer than ${timeoutSeconds} s`, stage: "timeout" });
        process.kill();
      }, timeoutSeconds * 1000);
      this.#starts.set(process, { resolve, reject, timer });
    });
  }

  settle(process: ModelProcess, failed: FailedInfo | null): void {
    const start = this.#starts.get(process);
    if (start === undefined) return;
    this.#starts.delete(process);
    clearTimeout(start.timer);
    if (failed === null) start.resolve();
    else start.reject(failed);
  }
}
