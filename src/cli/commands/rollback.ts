import { defineCommand } from "../define-command.ts";
import { describeDeployment } from "../describe-deployment.ts";
import { parseSeconds } from "../parse-values.ts";
import { remoteOption, type RemoteOptions } from "../remote-option.ts";

interface Options extends RemoteOptions {
  environment: string;
  timeout: number;
}

export const rollbackCommand = defineCommand<Options>({
  name: "rollback",
  summary: "go back to what served before",
  arguments: [{ name: "<model>", description: "the model" }],
  options: [
    remoteOption,
    { flags: "-e, --environment <name>", description: "where", default: "production" },
    {
      flags: "--timeout <time>",
      description: "longest wait until it is live (seconds)",
      default: 1800,
      parse: parseSeconds,
    },
  ],
  async run({ args, options }, { env, report, signal }) {
    const { rollback } = await import("../../actions/rollback.ts");
    const info = await rollback({
      remote: options.remote,
      env,
      signal,
      report,
      model: args[0] as string,
      environment: options.environment,
      timeoutMs: options.timeout * 1000,
    });
    return { json: info, text: (style) => describeDeployment(info, style) };
  },
});
