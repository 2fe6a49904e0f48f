import type { KeyScope } from "../../protocol/host-api.ts";
import { defineCommand } from "../define-command.ts";
import { remoteOption, type RemoteOptions } from "../remote-option.ts";
import { formatTable } from "../report/format.ts";

const create = defineCommand<RemoteOptions & { scope: KeyScope; models?: string }>({
  name: "create",
  summary: "make a key; it is told this once",
  arguments: [{ name: "<name>", description: "who or what it is for" }],
  options: [
    remoteOption,
    {
      flags: "--scope <scope>",
      description: "invoke calls models, deploy changes them, admin makes keys",
      choices: ["invoke", "deploy", "admin"],
      default: "invoke",
    },
    { flags: "--models <names>", description: "only these, with commas; all" },
  ],
  examples: ["purlin keys create web-shop", "purlin keys create ci --scope deploy --models my-model"],
  async run({ args, options }, { env, signal }) {
    const { createKey } = await import("../../actions/keys.ts");
    const models = options.models?.split(",").map((model) => model.trim()) ?? null;
    const json = await createKey({
      remote: options.remote,
      env,
      signal,
      name: args[0] as string,
      scope: options.scope,
      models,
    });
    return { json, text: json.key };
  },
});

const list = defineCommand<RemoteOptions>({
  name: "list",
  summary: "list keys, never the keys themselves",
  options: [remoteOption],
  async run({ options }, { env, signal }) {
    const { listKeys } = await import("../../actions/keys.ts");
    const keys = await listKeys({ remote: options.remote, env, signal });
    const rows = keys.map(({ id, name, scope, models, last_used_at, revoked_at }) => [
      id,
      name,
      scope,
      models === null ? "all models" : models.join(","),
      revoked_at === null ? `last used ${last_used_at ?? "never"}` : `revoked ${revoked_at}`,
    ]);
    const text =
      rows.length === 0
        ? "No keys but the host's own: purlin keys create NAME"
        : formatTable(rows).join("\n");
    return { json: { keys }, text };
  },
});

const revoke = defineCommand<RemoteOptions>({
  name: "revoke",
  summary: "refuse a key from now on",
  arguments: [{ name: "<id>", description: "as purlin keys list names it" }],
  options: [remoteOption],
  async run({ args, options }, { env, signal }) {
    const { revokeKey } = await import("../../actions/keys.ts");
    const json = await revokeKey({ remote: options.remote, env, signal, id: args[0] as string });
    return { json, text: `revoked ${json.id} (${json.name})` };
  },
});

export const keysCommand = defineCommand<never>({
  name: "keys",
  summary: "make, list and revoke keys of a deployment server",
  subcommands: [create, list, revoke] as never,
});
