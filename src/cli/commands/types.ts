import { relative, resolve } from "node:path";
import { defineCommand } from "../define-command.ts";

interface Options {
  client?: string;
  output?: string;
  from?: string;
}

export const typesCommand = defineCommand<Options>({
  name: "types",
  summary: "write the types of a model, or a client with them",
  description:
    "Reads what the model's methods take and answer from their TypeScript types, and prints it as declarations for\n" +
    "the code that calls the model. With --client ts it is one file that depends on nothing: calls, streams, cancels.",
  arguments: [{ name: "[dir]", description: "the project's folder; this one" }],
  options: [
    { flags: "--client <language>", description: "a client, not only the types", choices: ["ts"] },
    { flags: "-o, --output <file>", description: "write to that file instead of stdout" },
    { flags: "--from <url>", description: "ask that running model; it knows the schemas of its class, too" },
  ],
  examples: [
    "purlin types --client ts --output web/model-client.ts",
    "purlin types --from http://127.0.0.1:8080",
  ],
  async run({ args, options }, { cwd, signal, style }) {
    const { types } = await import("../../actions/types.ts");
    const { output } = options;
    const result = await types({
      dir: resolve(cwd, args[0] ?? "."),
      from: options.from,
      client: options.client !== undefined,
      output: output === undefined ? undefined : resolve(cwd, output),
      signal,
    });
    const wrote = (path: string): string =>
      `${style.good("wrote")} ${relative(cwd, path)} ${style.dim(`(${result.methods.join(", ")})`)}`;
    return {
      json: result,
      text: result.output === null ? result.content.trimEnd() : wrote(result.output),
    };
  },
});
