import type { Problem } from "./errors.ts";
import type { ExampleDifference } from "./protocol/control.ts";
import type { LogLine } from "./protocol/host-api.ts";

/** What a long action tells while it works. Reporters in cli/report turn these into text or NDJSON. */
export type ActionEvent =
  | { type: "step"; message: string }
  | { type: "progress"; what: string; done: number; total: number; unit: "bytes" | "files" }
  | { type: "warning"; code: string; message: string; hint?: string }
  | { type: "note"; message: string }
  | { type: "problems"; title: string; problems: Problem[] }
  | WatchEvent;

/**
 * How a change takes effect. `settings`: nothing but the host reads what changed; `methods`: put on the loaded
 * instance; `process`: loaded anew beside the old one; `generation`: so, with other packages or another config;
 * `none`: it was live already.
 */
export type ReloadKind = "none" | "settings" | "methods" | "process" | "generation";

/** The life of one save in watch mode. */
export type WatchEvent =
  | { type: "watching"; files: number; polling: boolean }
  | { type: "change"; files: string[] }
  | { type: "reload-started"; files: string[]; kind: ReloadKind; reason: string }
  | {
      type: "reloaded";
      files: string[];
      kind: ReloadKind;
      reason: string;
      digest: string;
      /** Those that answer with it: model servers here, or a deployment's. */
      replicas: number;
      phases_ms: Record<string, number>;
      total_ms: number;
    }
  /** What is live, for the line that stays at the foot of a terminal; null where nothing is. */
  | { type: "live"; url: string; digest: string | null; replicas: number; keys: boolean }
  /** A line of a model server here, as it stands. */
  | { type: "output"; text: string }
  /** A line of the deployment's log. */
  | { type: "log"; line: LogLine }
  /** Answers to examples are not those of config.yaml; the code is live. `keys`: a terminal whose `u` keeps them. */
  | { type: "examples-changed"; differences: ExampleDifference[]; keys: boolean }
  | { type: "unchanged"; files: string[] }
  | { type: "reload-failed"; files: string[]; problems: Problem[] }
  | { type: "loop-stopped"; file: string; count: number };

export interface Reporter {
  emit(event: ActionEvent): void;
}

/** For callers that want no news. */
export const silentReporter: Reporter = { emit() {} };
