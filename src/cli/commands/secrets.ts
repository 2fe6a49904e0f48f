import { text as readText } from "node:stream/consumers";
import { UsageError } from "../../errors.ts";
import { askSecret } from "../ask.ts";
import { defineCommand } from "../define-command.ts";
import { remoteOption, type RemoteOptions } from "../remote-option.ts";
import { formatTable } from "../report/format.ts";

const NAME = { name: "<name>", description: "as config.yaml names it" };

const set = defineCommand<RemoteOptions>({
  name: "set",
  summary: "set a secret; models that name it have it at once",
  description:
    "The value comes from stdin, or is asked for without being shown; never from the command line.",
  arguments: [NAME],
  options: [remoteOption],
  examples: ["printf %s $TOKEN | purlin secrets set token"],
  async run({ args, options }, context) {
    const name = args[0] as string;
    const value = context.isTTY.stdin
      ? await askSecret(`Value of ${name}`, context)
      : (await readText(context.stdin)).replace(/\r?\n$/, "");
    if (value === "")
      throw new UsageError("The value is empty.", `printf %s VALUE | purlin secrets set ${name}`);
    context.addSecrets([value]);
    const { setSecret } = await import("../../actions/secrets.ts");
    const { env, signal } = context;
    const json = await setSecret({ remote: options.remote, env, signal, name, value });
    return { json, text: `set ${name}` };
  },
});

const list = defineCommand<RemoteOptions>({
  name: "list",
  summary: "list names, never values",
  options: [remoteOption],
  async run({ options }, { env, signal }) {
    const { listSecrets } = await import("../../actions/secrets.ts");
    const secrets = await listSecrets({ remote: options.remote, env, signal });
    const rows = secrets.map(({ name, updated_at, used_by }) => [name, updated_at, used_by.join(", ")]);
    const table = formatTable([["name", "updated", "used by"], ...rows]).join("\n");
    return { json: { secrets }, text: rows.length === 0 ? "No secrets yet: purlin secrets set NAME" : table };
  },
});

const remove = defineCommand<RemoteOptions>({
  name: "rm",
  summary: "remove a secret",
  arguments: [NAME],
  options: [remoteOption],
  async run({ args, options }, { env, signal }) {
    const { removeSecret } = await import("../../actions/secrets.ts");
    const json = await removeSecret({ remote: options.remote, env, signal, name: args[0] as string });
    return { json, text: `removed ${args[0]}` };
  },
});

export const secretsCommand = defineCommand<never>({
  name: "secrets",
  summary: "set, list and remove secrets of a deployment server",
  subcommands: [set, list, remove] as never,
});
