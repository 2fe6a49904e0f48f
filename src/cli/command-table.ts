import type { CommandDefinition } from "./define-command.ts";

export interface CommandEntry {
  name: string;
  summary: string;
  /** Only the command that was typed is ever loaded: `--help` needs none. */
  load: () => Promise<CommandDefinition<never>>;
}

/** In the order of `purlin --help`. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: "predict",
    summary: "call a running model once",
    load: async () => (await import("./commands/predict.ts")).predictCommand,
  },
  {
    name: "doctor",
    summary: "check this machine and this project",
    load: async () => (await import("./commands/doctor.ts")).doctorCommand,
  },
];
