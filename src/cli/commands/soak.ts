import { constants } from "node:os";
import { resolve } from "node:path";
import type { SoakResult } from "../../actions/soak.ts";
import { CancelledError } from "../../errors.ts";
import { defineCommand } from "../define-command.ts";
import {
  parseBytesOption,
  parseCount,
  parseMinutes,
  parsePercent,
  parseSeconds,
  parseShare,
} from "../parse-values.ts";
import { formatTable } from "../report/format.ts";
import type { Style } from "../report/style.ts";

interface Options {
  minutes: number;
  clients: number;
  cancel: number;
  answerWithin: number;
  maxGrowth: number;
  maxPerRequest: number;
}

export const soakCommand = defineCommand<Options>({
  name: "soak",
  summary: "look for leaks while the examples are called over and over",
  description:
    "Builds where something has changed, runs the package with the server that would be deployed, and calls the\n" +
    "examples of config.yaml without a pause, streams and clients that leave early among them. Fails where memory,\n" +
    "open files, handles or processes grow with the requests, a request goes on for nobody, a process ends, or an\n" +
    "answer is not the expected one. The first third is warm-up.",
  arguments: [{ name: "[dir]", description: "a project, a package or an archive of one; this folder" }],
  options: [
    {
      flags: "-m, --minutes <minutes>",
      description: "how long; 0.5 is half a minute",
      default: 5,
      parse: parseMinutes,
    },
    { flags: "-c, --clients <n>", description: "calls at a time", default: 4, parse: parseCount },
    {
      flags: "--cancel <percent>",
      description: "share of the clients that leave early",
      default: 5,
      parse: parseShare,
    },
    {
      flags: "--answer-within <time>",
      description: "the longest time for one answer",
      default: 60,
      parse: parseSeconds,
    },
    {
      flags: "--max-growth <percent>",
      description: "memory may grow by that share",
      default: 10,
      parse: parsePercent,
    },
    {
      flags: "--max-per-request <bytes>",
      description: "and by no more than that with each request",
      default: 128,
      parse: parseBytesOption,
    },
  ],
  examples: ["purlin soak --minutes 1", "purlin soak my-model.tgz --minutes 30 --clients 16 --json"],
  async run({ args, options }, { cwd, report, signal, addSecrets }) {
    const { soak } = await import("../../actions/soak.ts");
    const result = await soak({
      target: resolve(cwd, args[0] ?? "."),
      minutes: options.minutes,
      clients: options.clients,
      cancel: options.cancel / 100,
      answerSeconds: options.answerWithin,
      maxGrowth: options.maxGrowth / 100,
      maxBytesPerRequest: options.maxPerRequest,
      report,
      signal,
      onSecrets: addSecrets,
    });
    return {
      json: result.passed ? result : { ...result, error: failure(result) },
      text: (style) => describe(result, style),
      exitCode: result.stopped ? stopCode(signal) : result.passed ? 0 : 1,
    };
  },
});

function stopCode({ reason }: AbortSignal): number {
  return 128 + constants.signals[reason instanceof CancelledError ? reason.signal : "SIGINT"];
}

function failure({ stopped, findings }: SoakResult): { code: string; message: string; hint: string } {
  const message = findings.map((finding) => finding.message).join(" ");
  if (findings.length === 0 && stopped) {
    return {
      code: "CANCELLED",
      message: "The soak was stopped before its time.",
      hint: "What was seen so far is told.",
    };
  }
  return {
    code: "SOAK_FAILED",
    message,
    hint: findings.find(({ hint }) => hint)?.hint ?? "The model's log may tell more.",
  };
}

function describe(result: SoakResult, style: Style): string {
  const { findings, requests, per_second, cancelled, seconds, checkpoints, stopped } = result;
  const lines = findings.flatMap(({ code, message, count, hint }) => [
    `${style.bad(code)}  ${message}${count !== undefined && count > 1 ? ` (${count} times)` : ""}`,
    ...(hint === undefined ? [] : [`      ${hint}`]),
  ]);
  const traffic = `${requests} requests, ${per_second} a second, ${cancelled} left early; ${checkpoints} checkpoints in ${seconds} s`;
  const verdict = stopped ? style.bad("stopped") : result.passed ? style.good("passed") : style.bad("failed");
  return [...table(result), "", ...lines, `${verdict} ${style.dim(traffic)}`].join("\n");
}

function table({ trends, lag_ms }: SoakResult): string[] {
  const mib = (bytes: number | undefined): string =>
    bytes === undefined ? "" : `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
  const rows = (["model", "front"] as const).flatMap((part) => {
    const { retained, resident, files, handles, children } = trends[part];
    const name = part === "front" ? "server" : part;
    const row = (what: string, from: string, to: string, each = ""): string[] => [
      name,
      what,
      from,
      "to",
      to,
      each,
    ];
    return [
      row(
        "retained",
        mib(retained?.first),
        mib(retained?.last),
        `${Math.round(retained?.slope ?? 0)} bytes a request`,
      ),
      row("resident", mib(resident?.first), mib(resident?.last)),
      ...(files === null ? [] : [row("files", String(files.first), String(files.last))]),
      row("handles", String(handles?.first ?? 0), String(handles?.last ?? 0)),
      ...(part === "model"
        ? [row("processes", String(children?.first ?? 0), String(children?.last ?? 0))]
        : []),
      row("longest lag", "", `${lag_ms[part]} ms`),
    ];
  });
  return formatTable(rows);
}
