import { isAppError } from "../../errors.ts";
import { editOutput } from "../../project/edit-output.ts";
import { validateConfig } from "../../project/validate-config.ts";
import { writeConfig } from "../../project/write-config.ts";
import type { Example } from "../../protocol/config.ts";
import { decideOutput } from "./decide-output.ts";
import { type OutputChange, outputChanges } from "./output-changes.ts";
import type { ExampleResult, ExampleRun } from "./run-example.ts";

export interface OutputUpdate {
  name: string;
  outcome: "written" | "unchanged" | "left";
  /** Why it was left, or what is to be known of what was written. */
  reason: string | null;
  changes: OutputChange[];
}

export interface UpdaterOptions {
  /** Absolute folder of the project. */
  dir: string;
  /** config.yaml as it was read. */
  text: string;
  /** Values that must not be written. */
  secrets: readonly string[];
}

/** Gathers the outputs that examples are to have, and writes them into config.yaml at the end. */
export class OutputUpdater {
  readonly updates: OutputUpdate[] = [];
  readonly #options: UpdaterOptions;
  #text: string;

  constructor(options: UpdaterOptions) {
    this.#options = options;
    this.#text = options.text;
  }

  get isChanged(): boolean {
    return this.#text !== this.#options.text;
  }

  /** Takes two runs of an example; returns its result against what it will expect from now on. */
  take(place: { index: number; example: Example }, [first, second]: [ExampleRun, ExampleRun]): ExampleResult {
    const { index, example } = place;
    const { result } = first;
    const update = (outcome: OutputUpdate["outcome"], reason: string | null, changes: OutputChange[] = []) =>
      void this.updates.push({ name: example.name, outcome, reason, changes });
    if (first.answer === null || second.answer === null) {
      update("left", first.result.reason ?? second.result.reason);
      return { ...result, ok: false, reason: first.result.reason ?? second.result.reason };
    }
    const decision = decideOutput(example, [first.answer, second.answer], this.#options.secrets);
    const failed = (reason: string): ExampleResult => {
      update("left", reason);
      // One that expects nothing is as good as before.
      return "output" in example || !result.ok
        ? { ...result, ok: false, reason: result.reason ?? reason }
        : result;
    };
    if (decision.kind === "left") return failed(decision.reason);
    if (decision.kind === "unchanged") {
      update("unchanged", null);
      return result;
    }
    const refusal = this.#edit(index, decision.output);
    if (refusal !== null) return failed(refusal);
    const reason = decision.marked ? "numbers that differ from run to run are written as approx" : null;
    update("written", reason, outputChanges(example.output, decision.output));
    return { ...result, ok: true, reason: null, compared: true };
  }

  async write(): Promise<void> {
    const { dir, text } = this.#options;
    if (this.isChanged) await writeConfig(dir, { before: text, after: this.#text });
  }

  /** Null where it could be done. */
  #edit(index: number, output: unknown): string | null {
    try {
      const text = editOutput(this.#text, { index, output });
      validateConfig(text, { file: "config.yaml", folderName: "model" });
      this.#text = text;
      return null;
    } catch (error) {
      if (!isAppError(error)) throw error;
      return error.problems[0]?.message ?? error.message;
    }
  }
}
