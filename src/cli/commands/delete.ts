import { AppError, UsageError } from "../../errors.ts";
import { defineCommand } from "../define-command.ts";
import { askYesNo } from "../ask.ts";
import { remoteOption, type RemoteOptions } from "../remote-option.ts";

interface Options extends RemoteOptions {
  environment?: string;
  deployment?: string;
  yes?: true;
}

export const deleteCommand = defineCommand<Options>({
  name: "delete",
  summary: "remove a model, an environment or a deployment",
  arguments: [{ name: "<model>", description: "the model" }],
  options: [
    remoteOption,
    { flags: "-e, --environment <name>", description: "that environment only" },
    { flags: "--deployment <id>", description: "that deployment only" },
    { flags: "-y, --yes", description: "without asking" },
  ],
  async run({ args, options }, context) {
    const model = args[0] as string;
    const { environment, deployment } = options;
    if (environment !== undefined && deployment !== undefined) {
      throw new UsageError("Both --environment and --deployment were given.", "Give the one that is to go.");
    }
    const what =
      deployment !== undefined
        ? `deployment ${deployment} of ${model}`
        : environment !== undefined
          ? `environment ${environment} of ${model}`
          : `${model} with all its environments and deployments`;
    if (options.yes !== true && !(await askYesNo(`Delete ${what}?`, "--yes", context))) {
      throw new AppError("CANCELLED", "Nothing was deleted.");
    }
    const { deleteModel } = await import("../../actions/delete.ts");
    const { env, signal } = context;
    const json = await deleteModel({ remote: options.remote, env, signal, model, environment, deployment });
    return { json, text: `deleted ${what}` };
  },
});
