import { UsageError } from "../../errors.ts";
import { defineCommand } from "../define-command.ts";
import { parseCount, parseSince } from "../parse-values.ts";
import { remoteOption, type RemoteOptions } from "../remote-option.ts";
import { logLine } from "../report/log-line.ts";

interface Options extends RemoteOptions {
  tail?: true;
  since?: string;
  level?: string;
  requestId?: string;
  contains?: string;
  environment?: string;
  deployment?: string;
  limit: number;
}

export const logsCommand = defineCommand<Options>({
  name: "logs",
  summary: "print what a model has said",
  arguments: [{ name: "<model>", description: "the model" }],
  options: [
    remoteOption,
    { flags: "-t, --tail", description: "go on with what is said from now on" },
    { flags: "--since <time>", description: "not what is older: 10m, 2h, or a time", parse: parseSince },
    {
      flags: "--level <level>",
      description: "that grave at least",
      choices: ["debug", "info", "warn", "error"],
    },
    { flags: "--request-id <id>", description: "of one request" },
    { flags: "--contains <text>", description: "lines with that text" },
    { flags: "-e, --environment <name>", description: "of one environment" },
    { flags: "--deployment <id>", description: "of one deployment" },
    { flags: "-n, --limit <n>", description: "the newest so many", default: 1000, parse: parseCount },
  ],
  examples: ["purlin logs my-model --tail", "purlin logs my-model --level error --since 1h"],
  long: ({ tail }) => tail === true,
  async run({ args, options }, { env, json, report, signal, style, write }) {
    const model = args[0];
    if (model === undefined)
      throw new UsageError("logs needs the name of a model.", "purlin list names them.");
    const { logs } = await import("../../actions/logs.ts");
    await logs({
      remote: options.remote,
      env,
      signal,
      report,
      model,
      tail: options.tail === true,
      request: {
        since: options.since,
        level: options.level,
        request_id: options.requestId,
        contains: options.contains,
        environment: options.environment,
        deployment: options.deployment,
        limit: options.limit,
      },
      onLine: (line) => write(`${json ? JSON.stringify(line) : logLine(line, style)}\n`),
    });
    return undefined;
  },
});
