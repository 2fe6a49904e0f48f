import { resolve } from "node:path";
import type { DoctorReport } from "../../actions/doctor.ts";
import { defineCommand } from "../define-command.ts";
import { formatCount, formatTable } from "../report/format.ts";
import type { Style } from "../report/style.ts";

export const doctorCommand = defineCommand<object>({
  name: "doctor",
  summary: "check this machine and this project",
  description: "Checks what Purlin needs of this machine, and the project in a folder. Changes nothing.",
  arguments: [{ name: "[dir]", description: "the project's folder; this one" }],
  async run({ args }, { cwd, signal }) {
    const { doctor } = await import("../../actions/doctor.ts");
    const report = await doctor({ dir: resolve(cwd, args[0] ?? "."), signal });
    return {
      json: report.ok ? report : { ...report, error: failure(report) },
      text: (style) => [...rows(report, style), "", summary(report, style)].join("\n"),
      exitCode: report.ok ? 0 : 1,
    };
  },
});

const MARKS = { ok: "ok", warn: "warn", fail: "fail" } as const;

function rows({ checks }: DoctorReport, style: Style): string[] {
  const paint = { ok: style.good, warn: style.warn, fail: style.bad };
  const lines = formatTable(checks.map(({ name, status, detail }) => [MARKS[status], name, detail]));
  return checks.flatMap(({ status, hint }, index) => {
    const line = lines[index] ?? "";
    const mark = MARKS[status];
    return [
      `${paint[status](mark)}${line.slice(mark.length)}`,
      ...(hint === null ? [] : [`      ${style.dim(hint)}`]),
    ];
  });
}

function summary({ checks }: DoctorReport, style: Style): string {
  const count = (status: string): number => checks.filter((check) => check.status === status).length;
  if (count("fail") > 0) return style.bad(`${formatCount(count("fail"), "check")} failed`);
  if (count("warn") > 0)
    return style.warn(`${formatCount(count("warn"), "warning")}, nothing that must be mended`);
  return style.good("all is well");
}

function failure({ checks }: DoctorReport): { code: string; message: string; hint: string | null } {
  const failed = checks.filter(({ status }) => status === "fail");
  return {
    code: "DOCTOR_FAILED",
    message: failed.map(({ name, detail }) => `${name}: ${detail}`).join(" "),
    hint: failed.find(({ hint }) => hint !== null)?.hint ?? null,
  };
}
