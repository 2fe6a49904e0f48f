import type { OptionDefinition } from "./define-command.ts";

export interface RemoteOptions {
  remote?: string;
}

/** For every command that talks to a deployment server. */
export const remoteOption: OptionDefinition = {
  flags: "-r, --remote <name>",
  description: "which deployment server; the one in use",
};
