import { resolve } from "node:path";
import type { PushResult } from "../../actions/push.ts";
import { UsageError } from "../../errors.ts";
import { type CommandContext, defineCommand } from "../define-command.ts";
import { parsePercent, parseSeconds } from "../parse-values.ts";
import { remoteOption, type RemoteOptions } from "../remote-option.ts";
import { formatBytes, formatCount, formatMs } from "../report/format.ts";
import type { Style } from "../report/style.ts";

interface Options extends RemoteOptions {
  environment?: string;
  watch?: true;
  strictExamples?: true;
  takeover?: true;
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
    { flags: "-e, --environment <name>", description: "where it is to serve; production" },
    { flags: "-w, --watch", description: "keep a development deployment in step with the folder" },
    { flags: "--takeover", description: "with --watch: from whoever is watching now" },
    {
      flags: "--strict-examples",
      description: "with --watch: refuse code whose answers differ from its examples",
    },
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
    "purlin push --watch",
    "purlin push --environment staging --message 'counts better'",
    "purlin push my-model.tgz --rollout 10",
  ],
  long: ({ watch }) => watch === true,
  async run({ args, options }, context) {
    const { cwd, env, report, signal } = context;
    if (options.watch === true) return watchFolder(resolve(cwd, args[0] ?? "."), options, context);
    if (options.takeover === true) throw new UsageError("--takeover needs --watch.");
    if (options.strictExamples === true) {
      throw new UsageError(
        "--strict-examples needs --watch.",
        "Leave it out: a push without --watch is always refused where answers differ from their examples.",
      );
    }
    const { push } = await import("../../actions/push.ts");
    const result = await push({
      source: resolve(cwd, args[0] ?? "."),
      remote: options.remote,
      environment: options.environment ?? "production",
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

/** Everything but what a development deployment does not have. */
async function watchFolder(dir: string, options: Options, context: CommandContext): Promise<undefined> {
  const { cwd, env, report, signal, json, write } = context;
  refuseBesideWatch(options);
  const [{ pushWatching }, { terminalKeys }] = await Promise.all([
    import("../../actions/push-watching.ts"),
    import("../terminal-keys.ts"),
  ]);
  await pushWatching({
    dir,
    remote: options.remote,
    takeover: options.takeover === true,
    strictExamples: options.strictExamples === true,
    secretsFrom: options.secretsFrom === undefined ? undefined : fileOf(cwd, options.secretsFrom),
    keys: terminalKeys(context),
    env,
    report,
    signal,
    onLive(url) {
      if (!json) write(`live at ${url}\n`).catch(() => {});
    },
  });
  return undefined;
}

function refuseBesideWatch(options: Options): void {
  const given: [string, boolean][] = [
    ["--environment", options.environment !== undefined && options.environment !== "development"],
    ["--rollout", options.rollout !== undefined],
    ["--dry-run", options.dryRun === true],
    ["--no-wait", !options.wait],
    ["--message", options.message !== undefined],
  ];
  const other = given.find(([, isGiven]) => isGiven);
  if (other === undefined) return;
  throw new UsageError(
    `${other[0]} cannot be used with --watch, which keeps the development deployment in step.`,
    `Leave it out; purlin push ${other[0]} deploys once.`,
  );
}

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
