import { type Reporter, silentReporter } from "../../events.ts";
import { problemsOf, unexpected } from "./problems-of.ts";
import { isAppError } from "../../errors.ts";

/** As `purlin test --update`: the answers of now become the expected ones, in config.yaml. Tells what became of it. */
export function keepAnswers(dir: string, report: Reporter, signal: AbortSignal): () => void {
  let running = false;
  return () => {
    if (running) return;
    running = true;
    void update(dir, report, signal).finally(() => (running = false));
  };
}

async function update(dir: string, report: Reporter, signal: AbortSignal): Promise<void> {
  const { test } = await import("../test.ts");
  try {
    const { updates = [] } = await test({ dir, report: silentReporter, signal, update: true });
    const names = updates.filter(({ changes }) => changes.length > 0).map(({ name }) => name);
    const message =
      names.length === 0
        ? "no answer differs from config.yaml"
        : `config.yaml has the answers of now: ${names.join(", ")}`;
    report.emit({ type: "note", message });
  } catch (error) {
    if (signal.aborted) return;
    const problems = problemsOf(isAppError(error) ? error : unexpected(error));
    report.emit({ type: "problems", title: "config.yaml was not updated", problems });
  }
}
