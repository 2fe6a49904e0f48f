import { defineCommand } from "../define-command.ts";
import { parseCount } from "../parse-values.ts";
import { remoteOption, type RemoteOptions } from "../remote-option.ts";
import { formatTable } from "../report/format.ts";

export const auditCommand = defineCommand<RemoteOptions & { limit: number }>({
  name: "audit",
  summary: "tell who changed what on a deployment server",
  options: [
    remoteOption,
    { flags: "-n, --limit <n>", description: "the newest so many", default: 50, parse: parseCount },
  ],
  async run({ options }, { env, signal }) {
    const { audit } = await import("../../actions/audit.ts");
    const entries = await audit({ remote: options.remote, env, signal, limit: options.limit });
    const rows = entries.map(({ at, key_name, action, model, status }) => [
      at,
      key_name,
      action,
      model ?? "",
      String(status),
    ]);
    return { json: { entries }, text: formatTable(rows).join("\n") };
  },
});
