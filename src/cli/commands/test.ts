import { resolve } from "node:path";
import type { TestResult } from "../../actions/test.ts";
import { defineCommand } from "../define-command.ts";
import { formatMs, formatTable } from "../report/format.ts";
import type { Style } from "../report/style.ts";
import { describeUpdates } from "../report/output-updates.ts";

interface Options {
  only?: string;
  update?: true;
}

export const testCommand = defineCommand<Options>({
  name: "test",
  summary: "run the examples of config.yaml against the package",
  description:
    "Builds where something has changed, loads the package with the server that would be deployed, sends it the\n" +
    "examples of config.yaml, and compares the answers where an output is given.\n\n" +
    "--update runs each example twice and writes the answers into config.yaml, where nothing else is touched:\n" +
    "outputs that still hold, comments and tolerances stay, and an answer that is not the same twice is not written.",
  arguments: [{ name: "[dir]", description: "the project, or a package; this folder" }],
  options: [
    { flags: "--only <name>", description: "this example alone" },
    { flags: "-u, --update", description: "make the answers of now the expected ones" },
  ],
  examples: [
    "purlin test",
    "purlin test my-model --only greeting",
    "purlin test --update && git diff config.yaml",
  ],
  async run({ args, options }, { cwd, env, report, signal, addSecrets }) {
    const { test } = await import("../../actions/test.ts");
    const { only, update } = options;
    if (update === true && env["CI"] !== undefined && env["CI"] !== "") {
      report.emit({
        type: "warning",
        code: "UPDATE_IN_CI",
        message: "CI is set, and --update takes whatever the model answers now for right; it checks nothing.",
        hint: "To check: purlin test",
      });
    }
    const dir = resolve(cwd, args[0] ?? ".");
    const result = await test({
      dir,
      ...(only === undefined ? {} : { only: [only] }),
      update,
      report,
      signal,
      onSecrets: addSecrets,
    });
    const failed = result.failed > 0;
    return {
      json: failed ? { ...result, error: failure(result) } : result,
      text: (style) =>
        [
          describe(result, style),
          ...(result.updates ? ["", describeUpdates(result.updates, style)] : []),
        ].join("\n"),
      exitCode: failed ? 1 : 0,
    };
  },
});

function describe({ examples, passed, failed, load_ms, package: digest }: TestResult, style: Style): string {
  const rows = formatTable(
    examples.map(({ ok, name, duration_ms, compared }) => [
      ok ? "ok" : "fail",
      name,
      formatMs(duration_ms),
      compared ? "" : "nothing to compare with",
    ]),
  );
  const lines = examples.flatMap(({ ok, reason }, index) => {
    const mark = ok ? "ok" : "fail";
    const paint = ok ? style.good : style.bad;
    return [
      `${paint(mark)}${(rows[index] ?? "").slice(mark.length)}`,
      ...(reason === null ? [] : [`      ${reason}`]),
    ];
  });
  const sum = `${passed} passed, ${failed} failed`;
  return [
    ...lines,
    "",
    `${failed > 0 ? style.bad(sum) : style.good(sum)} ${style.dim(`loaded in ${formatMs(load_ms)}, ${digest}`)}`,
  ].join("\n");
}

function failure({ examples }: TestResult): { code: string; message: string; hint: string } {
  const failed = examples.filter(({ ok }) => !ok);
  return {
    code: "EXAMPLES_FAILED",
    message: failed.map(({ name, reason }) => `${name}: ${reason}`).join("; "),
    hint: "Mend the model; where its new answer is the right one, purlin test --update writes it into config.yaml.",
  };
}
