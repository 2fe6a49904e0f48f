import { resolve } from "node:path";
import type { ConfigCheckResult } from "../../actions/config.ts";
import { defineCommand } from "../define-command.ts";
import { problemJson } from "../error-json.ts";
import { renderProblems } from "../render-problems.ts";
import { formatCount } from "../report/format.ts";
import type { Style } from "../report/style.ts";

const FOLDER = { name: "[dir]", description: "the project's folder; this one" };

const schema = defineCommand<object>({
  name: "schema",
  summary: "print the JSON Schema of config.yaml",
  async run() {
    const { configSchema } = await import("../../actions/config.ts");
    const json = configSchema();
    return { json, text: JSON.stringify(json, null, 2) };
  },
});

const show = defineCommand<{ environment?: string }>({
  name: "show",
  summary: "print the config with every default filled in",
  arguments: [FOLDER],
  options: [{ flags: "-e, --environment <name>", description: "with the overrides of that environment" }],
  async run({ args, options }, { cwd }) {
    const { configShow } = await import("../../actions/config.ts");
    const { environment } = options;
    const json = await configShow({
      dir: resolve(cwd, args[0] ?? "."),
      ...(environment === undefined ? {} : { environment }),
    });
    return { json, text: JSON.stringify(json, null, 2) };
  },
});

const check = defineCommand<object>({
  name: "check",
  summary: "check config.yaml and that what it names is there",
  arguments: [FOLDER],
  async run({ args }, { cwd }) {
    const { configCheck } = await import("../../actions/config.ts");
    const result = await configCheck({ dir: resolve(cwd, args[0] ?? ".") });
    return {
      json: { ...result, warnings: result.warnings.map(problemJson) },
      text: (style) => describe(result, style),
    };
  },
});

export const configCommand = defineCommand<never>({
  name: "config",
  summary: "show, check or describe config.yaml",
  subcommands: [schema, show, check] as never,
});

function describe({ file, model_name, environments, warnings }: ConfigCheckResult, style: Style): string {
  const where = environments.length > 0 ? `, environments: ${environments.join(", ")}` : "";
  return [
    `${style.good("ok")} ${file} is valid (${model_name}${where})`,
    ...(warnings.length > 0
      ? [style.warn(formatCount(warnings.length, "warning")), ...renderProblems(warnings, style)]
      : []),
  ].join("\n");
}
