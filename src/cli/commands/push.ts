import { resolve } from "node:path";
import type { PushResult } from "../../actions/push.ts";
import { defineCommand } from "../define-command.ts";
import { parsePercent, parseSeconds } from "../parse-values.ts";
import { remoteOption, type RemoteOptions } from "../remote-option.ts";
import { formatBytes, formatCount, formatMs } from "../report/format.ts";
import type { Style } from "../report/style.ts";

interface Options extends RemoteOptions {
  environment: string;
  wait: boolean;
  timeout: number;
  message?: string;
  rollout?: number;
  secretsFrom?: string;
  dryRun?: true;
  force?: true;
}

export const pushCommand = defineCommand<Options>({
  name: "push",
  summary: "deploy the project to a deployment server",
  description:
    "Builds for the server's machine, sends the files that it does not have, and waits until the model is live.\n" +
    "What served before goes on until then, and goes on for good where the new one cannot be loaded: exit code 1.",
  arguments: [{ name: "[dir]", description: "a project, a package or an archive of one; this folder" }],
  options: [
    remoteOption,
    { flags: "-e, --environment <name>", description: "where it is to serve", default: "production" },
    { flags: "--wait", description: "until it is live; so it is unless --no-wait is given", default: true },
    { flags: "--no-wait", description: "return as soon as it is committed" },
    {
      flags: "--timeout <time>",
      description: "longest wait until it is live (seconds)",
      default: 1800,
      parse: parseSeconds,
    },
    { flags: "-m, --message <text>", description: "what is new, for the list of deployments" },
    {
      flags: "--rollout <percent>",
      description: "only that share of the requests at first",
      parse: parsePercent,
    },
    { flags: "--secrets-from <file>", description: "set these secrets first: NAME=value lines, or JSON" },
    { flags: "--dry-run", description: "build, tell what would be sent, and send nothing" },
    { flags: "--force", description: "over what somebody else has pushed meanwhile" },
  ],
  examples: [
    "purlin push",
    "purlin push --environment staging --message 'counts better'",
    "purlin push my-model.tgz --rollout 10",
  ],
  async run({ args, options }, { cwd, env, report, signal }) {
    const { push } = await import("../../actions/push.ts");
    const result = await push({
      source: resolve(cwd, args[0] ?? "."),
      remote: options.remote,
      environment: options.environment,
      message: options.message,
      rollout: options.rollout,
      wait: options.wait,
      timeoutMs: options.timeout * 1000,
      secretsFrom: options.secretsFrom === undefined ? undefined : fileOf(cwd, options.secretsFrom),
      dryRun: options.dryRun,
      force: options.force,
      env,
      signal,
      report,
    });
    return { json: result, text: (style) => describe(result, style) };
  },
});

const fileOf = (cwd: string, file: string): string => (file === "-" ? file : resolve(cwd, file));

function describe(result: PushResult, style: Style): string {
  const files = `${formatCount(result.uploaded_files, "file")}, ${formatBytes(result.uploaded_bytes)}`;
  if (result.state === "DRY_RUN") {
    return `${style.strong(result.package)}\n${files} would be sent; nothing was`;
  }
  const live = result.state === "ACTIVE" ? style.good("live") : result.state;
  return [
    `${live} ${style.strong(result.model)} in ${result.environment} ${style.dim(`(${result.deployment_id}; sent ${files}; ${formatMs(result.duration_ms)})`)}`,
    `${style.code(`${result.url}/predict`)}`,
  ].join("\n");
}
