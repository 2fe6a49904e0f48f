import { resolve } from "node:path";
import type { TestResult } from "../../actions/test.ts";
import { defineCommand } from "../define-command.ts";
import { formatMs, formatTable } from "../report/format.ts";
import type { Style } from "../report/style.ts";

export const testCommand = defineCommand<object>({
  name: "test",
  summary: "run the examples of config.yaml against the package",
  description:
    "Builds where something has changed, loads the package with the server that would be deployed, sends it the\n" +
    "examples of config.yaml, and compares the answers where an output is given.",
  arguments: [{ name: "[dir]", description: "the project, or a package; this folder" }],
  async run({ args }, { cwd, report, signal, addSecrets }) {
    const { test } = await import("../../actions/test.ts");
    const result = await test({ dir: resolve(cwd, args[0] ?? "."), report, signal, onSecrets: addSecrets });
    const failed = result.failed > 0;
    return {
      json: failed ? { ...result, error: failure(result) } : result,
      text: (style) => describe(result, style),
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
    hint: "Mend the model, or the output in config.yaml where the new answer is the right one.",
  };
}
