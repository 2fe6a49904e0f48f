import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import type { InitResult } from "../../actions/init.ts";
import { installDir } from "../../util/install-dir.ts";
import { defineCommand } from "../define-command.ts";
import { formatTable } from "../report/format.ts";
import type { Style } from "../report/style.ts";

interface Options {
  template?: string;
  name?: string;
  list?: true;
}

export const initCommand = defineCommand<Options>({
  name: "init",
  summary: "make a project from a template",
  description:
    "Writes a project that builds and serves as it is. Nothing is overwritten: where it would have to be,\n" +
    "it stops and names the files.",
  arguments: [{ name: "[dir]", description: "where to; this folder" }],
  options: [
    {
      flags: "-t, --template <template>",
      description: "the template to start from: minimal, or one of --list",
    },
    { flags: "-n, --name <name>", description: "the model's name; that of the folder" },
    { flags: "--list", description: "list the templates" },
    { flags: "-y, --yes", description: "ask nothing (it never does)" },
  ],
  examples: ["purlin init my-model", "purlin init reader --template onnx", "purlin init --list"],
  async run({ args, options }, { cwd, style }) {
    const { init, initTemplates } = await import("../../actions/init.ts");
    const templatesDir = join(installDir(), "templates");
    if (options.list) {
      const templates = await initTemplates(templatesDir);
      const rows = templates.map(({ name, description }) => [name, description]);
      return { json: templates, text: formatTable(rows).join("\n") };
    }
    const result = await init({
      cwd,
      targetDir: args[0] ?? ".",
      ...(options.template === undefined ? {} : { template: options.template }),
      ...(options.name === undefined ? {} : { name: options.name }),
      templatesDir,
      envTypes: await readFile(join(installDir(), "dist/sdk/purlin-env.d.ts"), "utf8"),
    });
    return { json: result, text: describe(result, cwd, style) };
  },
});

function describe(
  { dir, template, model_name, files, next_steps }: InitResult,
  cwd: string,
  style: Style,
): string {
  const place = relative(cwd, dir) || ".";
  return [
    `${style.good("made")} ${style.strong(model_name)} from the template ${template} in ${style.code(place)}`,
    ...files.map((file) => `  ${style.dim(file)}`),
    "",
    "Next:",
    ...next_steps.map((step) => `  ${style.code(step)}`),
  ].join("\n");
}
