import { text as readText } from "node:stream/consumers";
import { defineCommand } from "../define-command.ts";
import { formatTable } from "../report/format.ts";

const NAME = { name: "<name>", description: "what you call it" };

const add = defineCommand<{ apiKeyStdin?: true }>({
  name: "add",
  summary: "remember a deployment server",
  arguments: [NAME, { name: "<url>", description: "https://host.example" }],
  options: [
    { flags: "--api-key-stdin", description: "keep the key that is given on stdin, for this user alone" },
  ],
  examples: ["printf %s $KEY | purlin remote add team https://models.example --api-key-stdin"],
  async run({ args, options }, { env, stdin, addSecrets }) {
    const key = options.apiKeyStdin === true ? (await readText(stdin)).trim() || null : null;
    if (key !== null) addSecrets([key]);
    const { addRemote } = await import("../../actions/remote.ts");
    const json = addRemote({ name: args[0] as string, url: args[1] as string, key, env });
    return { json, text: `${json.name} is ${json.url}${json.in_use ? ", in use" : ""}` };
  },
});

const list = defineCommand<object>({
  name: "list",
  summary: "list the deployment servers that are known",
  async run(_input, { env }) {
    const { listRemotes } = await import("../../actions/remote.ts");
    const remotes = listRemotes(env);
    const rows = remotes.map(({ name, url, has_key, in_use }) => [
      in_use ? "*" : "",
      name,
      url,
      has_key ? "with a key" : "without a key",
    ]);
    const none = "None yet: purlin remote add NAME URL, or purlin host on this machine.";
    return { json: { remotes }, text: rows.length === 0 ? none : formatTable(rows).join("\n") };
  },
});

const use = defineCommand<object>({
  name: "use",
  summary: "let commands go there from now on",
  arguments: [NAME],
  async run({ args }, { env }) {
    const { useRemote } = await import("../../actions/remote.ts");
    useRemote(args[0] as string, env);
    return { json: { in_use: args[0] }, text: `${args[0]} is in use` };
  },
});

const remove = defineCommand<object>({
  name: "rm",
  summary: "forget a deployment server",
  arguments: [NAME],
  async run({ args }, { env }) {
    const { removeRemote } = await import("../../actions/remote.ts");
    removeRemote(args[0] as string, env);
    return { json: { removed: args[0] }, text: `forgot ${args[0]}` };
  },
});

export const remoteCommand = defineCommand<never>({
  name: "remote",
  summary: "remember deployment servers and choose one",
  subcommands: [add, list, use, remove] as never,
});
