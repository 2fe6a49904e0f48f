import type { CliReporter } from "./cli-reporter.ts";

const LOUD = new Set(["problems", "reload-failed", "loop-stopped"]);

/** For --quiet: what has gone wrong and nothing else. */
export function createSilentReporter(inner: CliReporter): CliReporter {
  return {
    emit(event) {
      if (LOUD.has(event.type)) inner.emit(event);
    },
    settle: () => inner.settle(),
  };
}
