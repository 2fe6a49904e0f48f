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
    name: "soak",
    summary: "look for leaks while the examples are called over and over",
    load: async () => (await import("./commands/soak.ts")).soakCommand,
  },
  {
    name: "predict",
    summary: "call a running model once",
    load: async () => (await import("./commands/predict.ts")).predictCommand,
  },
  {
    name: "types",
    summary: "write the types of a model, or a client with them",
    load: async () => (await import("./commands/types.ts")).typesCommand,
  },
  {
    name: "host",
    summary: "run the deployment server that push talks to",
    load: async () => (await import("./commands/host.ts")).hostCommand,
  },
  {
    name: "push",
    summary: "deploy the project to a deployment server",
    load: async () => (await import("./commands/push.ts")).pushCommand,
  },
  {
    name: "list",
    summary: "list the models of a deployment server",
    load: async () => (await import("./commands/list.ts")).listCommand,
  },
  {
    name: "status",
    summary: "tell what was asked for and what answers",
    load: async () => (await import("./commands/status.ts")).statusCommand,
  },
  {
    name: "logs",
    summary: "print what a model has said",
    load: async () => (await import("./commands/logs.ts")).logsCommand,
  },
  {
    name: "promote",
    summary: "let another environment serve what one serves",
    load: async () => (await import("./commands/promote.ts")).promoteCommand,
  },
  {
    name: "rollback",
    summary: "go back to what served before",
    load: async () => (await import("./commands/rollback.ts")).rollbackCommand,
  },
  {
    name: "rollout",
    summary: "look at a rollout, finish it or take it back",
    load: async () => (await import("./commands/rollout.ts")).rolloutCommand,
  },
  {
    name: "delete",
    summary: "remove a model, an environment or a deployment",
    load: async () => (await import("./commands/delete.ts")).deleteCommand,
  },
  {
    name: "secrets",
    summary: "set, list and remove secrets of a deployment server",
    load: async () => (await import("./commands/secrets.ts")).secretsCommand,
  },
  {
    name: "keys",
    summary: "make, list and revoke keys of a deployment server",
    load: async () => (await import("./commands/keys.ts")).keysCommand,
  },
  {
    name: "audit",
    summary: "tell who changed what on a deployment server",
    load: async () => (await import("./commands/audit.ts")).auditCommand,
  },
  {
    name: "remote",
    summary: "remember deployment servers and choose one",
    load: async () => (await import("./commands/remote.ts")).remoteCommand,
  },
  {
    name: "whoami",
    summary: "tell which deployment server commands go to, and with which key",
    load: async () => (await import("./commands/whoami.ts")).whoamiCommand,
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
