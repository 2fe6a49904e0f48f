import { UsageError } from "../../errors.ts";
import { defineCommand } from "../define-command.ts";
import { describeDeployment } from "../describe-deployment.ts";
import { parsePercent, parseSeconds } from "../parse-values.ts";
import { remoteOption, type RemoteOptions } from "../remote-option.ts";

interface Options extends RemoteOptions {
  from?: string;
  deployment?: string;
  to?: string;
  rollout?: number;
  timeout: number;
}

export const promoteCommand = defineCommand<Options>({
  name: "promote",
  summary: "let another environment serve what one serves",
  arguments: [{ name: "<model>", description: "the model" }],
  options: [
    remoteOption,
    { flags: "--from <environment>", description: "what that one serves" },
    { flags: "--deployment <id>", description: "that deployment instead" },
    { flags: "--to <environment>", description: "where it is to serve" },
    {
      flags: "--rollout <percent>",
      description: "only that share of the requests at first",
      parse: parsePercent,
    },
    {
      flags: "--timeout <time>",
      description: "longest wait until it is live (seconds)",
      default: 1800,
      parse: parseSeconds,
    },
  ],
  examples: ["purlin promote my-model --from staging --to production"],
  async run({ args, options }, { env, report, signal }) {
    const { from, deployment, to } = options;
    if (to === undefined)
      throw new UsageError("promote needs --to.", "As in --from staging --to production.");
    if ((from === undefined) === (deployment === undefined)) {
      throw new UsageError(
        "promote needs either --from or --deployment.",
        "As in --from staging --to production.",
      );
    }
    const { promote } = await import("../../actions/promote.ts");
    const info = await promote({
      remote: options.remote,
      env,
      signal,
      report,
      model: args[0] as string,
      from,
      deployment,
      to,
      rollout: options.rollout,
      timeoutMs: options.timeout * 1000,
    });
    return { json: info, text: (style) => describeDeployment(info, style) };
  },
});
