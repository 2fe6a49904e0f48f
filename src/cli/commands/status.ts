import type { EnvironmentInfo, ModelStatus } from "../../protocol/host-api.ts";
import { defineCommand } from "../define-command.ts";
import { remoteOption, type RemoteOptions } from "../remote-option.ts";
import { formatBytes, formatTable } from "../report/format.ts";
import type { Style } from "../report/style.ts";

export const statusCommand = defineCommand<RemoteOptions>({
  name: "status",
  summary: "tell what was asked for and what answers",
  arguments: [{ name: "[model]", description: "one model; all of them" }],
  options: [remoteOption],
  examples: ["purlin status", "purlin status my-model --json"],
  async run({ args, options }, { env, signal }) {
    const { status } = await import("../../actions/status.ts");
    const models = await status({ remote: options.remote, env, signal, model: args[0] });
    const json = args[0] === undefined ? { models } : models[0];
    const text = (style: Style): string =>
      models.length === 0
        ? "No models yet: purlin push brings one."
        : models.map((each) => describe(each, style)).join("\n\n");
    return { json, text };
  },
});

function describe({ model, environments }: ModelStatus, style: Style): string {
  return [style.strong(model), ...environments.flatMap((each) => describeEnvironment(each, style))].join(
    "\n",
  );
}

function describeEnvironment(info: EnvironmentInfo, style: Style): string[] {
  const { name, state, serving, desired, rollout } = info;
  const paint = ["ACTIVE", "SCALED_TO_ZERO"].includes(state)
    ? style.good
    : ["FAILED", "UNHEALTHY"].includes(state)
      ? style.bad
      : style.warn;
  const lines = [`  ${name}  ${paint(state)}  ${serving?.deployment ?? "nothing serves yet"}`];
  if (desired !== null && desired.deployment !== serving?.deployment && rollout === null) {
    lines.push(`    wanted: ${desired.deployment}`);
  }
  if (rollout !== null)
    lines.push(`    rollout: ${rollout.percent} % to ${rollout.deployment} since ${rollout.since}`);
  const p99 = info.p99_ms === null ? "" : `, p99 ${Math.round(info.p99_ms)} ms`;
  lines.push(
    style.dim(
      `    ${info.replicas} of ${info.replicas_wanted} replicas ready, ${info.in_flight} requests under way, ${info.queued} waiting`,
    ),
    style.dim(
      `    ${info.requests_per_second.toFixed(1)}/s, ${(info.error_rate * 100).toFixed(1)} % errors${p99}`,
    ),
  );
  if (info.last_error !== null) lines.push(`    ${style.bad("error")} ${info.last_error.message}`);
  const rows = info.replica_list.map((replica) => [
    `    ${replica.id}`,
    replica.state,
    replica.rss_bytes === null ? "" : formatBytes(replica.rss_bytes),
    replica.restarts === 0 ? "" : `${replica.restarts} restarts`,
  ]);
  return [...lines, ...formatTable(rows)];
}
