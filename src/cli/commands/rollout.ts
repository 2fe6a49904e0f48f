import { defineCommand } from "../define-command.ts";
import { describeDeployment } from "../describe-deployment.ts";
import { remoteOption, type RemoteOptions } from "../remote-option.ts";

interface Options extends RemoteOptions {
  environment: string;
}

const MODEL = { name: "<model>", description: "the model" };
const OPTIONS = [
  remoteOption,
  { flags: "-e, --environment <name>", description: "where", default: "production" },
];

const status = defineCommand<Options>({
  name: "status",
  summary: "tell which share the new one has, and what became of the last rollout",
  arguments: [MODEL],
  options: OPTIONS,
  async run({ args, options }, { env, signal }) {
    const { rolloutStatus } = await import("../../actions/rollout.ts");
    const { environment, remote } = options;
    const json = await rolloutStatus({ remote, env, signal, model: args[0] as string, environment });
    const now =
      json.rollout === null
        ? "no rollout is under way"
        : `${json.rollout.percent} % to ${json.rollout.deployment}`;
    const events = json.events.map(({ at, message }) => `  ${at} ${message}`);
    return { json, text: [now, ...events].join("\n") };
  },
});

const end = (action: "finish" | "abort", summary: string) =>
  defineCommand<Options>({
    name: action,
    summary,
    arguments: [MODEL],
    options: OPTIONS,
    async run({ args, options }, { env, signal }) {
      const { endRollout } = await import("../../actions/rollout.ts");
      const { environment, remote } = options;
      const info = await endRollout({ remote, env, signal, model: args[0] as string, environment, action });
      return { json: info, text: (style) => describeDeployment(info, style) };
    },
  });

export const rolloutCommand = defineCommand<never>({
  name: "rollout",
  summary: "look at a rollout, finish it or take it back",
  subcommands: [
    status,
    end("finish", "give the new one all requests"),
    end("abort", "give the old one all requests again"),
  ] as never,
});
