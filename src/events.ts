import type { Problem } from "./errors.ts";

/** What a long action tells while it works. Reporters in cli/report turn these into text or NDJSON. */
export type ActionEvent =
  | { type: "step"; message: string }
  | { type: "progress"; what: string; done: number; total: number; unit: "bytes" | "files" }
  | { type: "warning"; code: string; message: string; hint?: string }
  | { type: "note"; message: string }
  | { type: "problems"; title: string; problems: Problem[] }
  | WatchEvent;

/** The life of one save in watch mode. */
export type WatchEvent =
  | { type: "watching"; files: number; polling: boolean }
  | { type: "change"; files: string[] }
  | { type: "reload-started"; files: string[]; kind: "methods" | "process"; reason: string }
  | {
      type: "reloaded";
      files: string[];
      kind: "methods" | "process";
      reason: string;
      digest: string;
      phases_ms: Record<string, number>;
      total_ms: number;
    }
  | { type: "unchanged"; files: string[] }
  | { type: "reload-failed"; files: string[]; problems: Problem[] }
  | { type: "loop-stopped"; file: string; count: number };

export interface Reporter {
  emit(event: ActionEvent): void;
}

/** For callers that want no news. */
export const silentReporter: Reporter = { emit() {} };
