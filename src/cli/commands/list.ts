import { defineCommand } from "../define-command.ts";
import { remoteOption, type RemoteOptions } from "../remote-option.ts";
import { formatTable } from "../report/format.ts";

export const listCommand = defineCommand<RemoteOptions>({
  name: "list",
  summary: "list the models of a deployment server",
  options: [remoteOption],
  async run({ options }, { env, signal }) {
    const { list } = await import("../../actions/list.ts");
    const { models } = await list({ remote: options.remote, env, signal });
    const rows = models.flatMap(({ model, environments }) =>
      environments.length === 0
        ? [[model, "-", "NONE"]]
        : environments.map(({ name, state, deployment }) => [model, name, state, deployment ?? ""]),
    );
    const text =
      rows.length === 0
        ? "No models yet: purlin push brings one."
        : formatTable([["model", "environment", "state", "deployment"], ...rows]).join("\n");
    return { json: { models }, text };
  },
});
