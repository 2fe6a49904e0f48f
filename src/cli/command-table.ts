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
    name: "init",
    summary: "make a project from a template",
    load: async () => (await import("./commands/init.ts")).initCommand,
  },
  {
    name: "build",
    summary: "make the package that is served and deployed",
    load: async () => (await import("./commands/build.ts")).buildCommand,
  },
  {
    name: "serve",
    summary: "run the package with the server that would be deployed",
    load: async () => (await import("./commands/serve.ts")).serveCommand,
  },
  {
    name: "test",
    summary: "run the examples of config.yaml against the package",
    load: async () => (await import("./commands/test.ts")).testCommand,
  },
  {
    name: "predict",
    summary: "call a running model once",
    load: async () => (await import("./commands/predict.ts")).predictCommand,
  },
  {
    name: "config",
    summary: "show, check or describe config.yaml",
    load: async () => (await import("./commands/config.ts")).configCommand,
  },
  {
    name: "doctor",
    summary: "check this machine and this project",
    load: async () => (await import("./commands/doctor.ts")).doctorCommand,
  },
];
