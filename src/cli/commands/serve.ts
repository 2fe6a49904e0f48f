import { resolve } from "node:path";
import type { ServeOptions } from "../../actions/serve.ts";
import type { ControlEvent } from "../../protocol/control.ts";
import { UsageError } from "../../errors.ts";
import { defineCommand } from "../define-command.ts";
import { DEFAULT_INSPECT_ADDRESS, type InspectAddress } from "../../protocol/inspect-address.ts";
import { parseInspect, parsePort, parseWorkers } from "../parse-values.ts";

interface Options {
  port: number;
  host: string;
  watch?: true;
  strictExamples?: true;
  workers?: number | "auto";
  logFormat?: "pretty" | "json";
  logLevel?: string;
  /** true: without a value. */
  inspect?: InspectAddress | true;
  inspectBrk?: InspectAddress | true;
  cpuProfile?: string | true;
}

export const serveCommand = defineCommand<Options>({
  name: "serve",
  summary: "run the package with the server that would be deployed",
  description:
    "Builds where something has changed, then runs the packed files themselves. Prints the address once the socket\n" +
    "is open and `ready` once the model has loaded; requests are logged on stderr.",
  arguments: [{ name: "[dir]", description: "a project, a package or an archive of one; this folder" }],
  options: [
    {
      flags: "-p, --port <port>",
      description: "0 picks a free one",
      default: 8080,
      parse: parsePort,
      env: "PORT",
    },
    { flags: "--host <host>", description: "the address to listen on", default: "127.0.0.1", env: "HOST" },
    { flags: "-w, --watch", description: "put each save live, without losing a request" },
    {
      flags: "--strict-examples",
      description: "with --watch: refuse code whose answers differ from its examples",
    },
    { flags: "--workers <n>", description: "model processes, or auto; config.yaml's", parse: parseWorkers },
    {
      flags: "--log-format <format>",
      description: "pretty on a terminal, json elsewhere",
      choices: ["pretty", "json"],
    },
    {
      flags: "--log-level <level>",
      description: "what is logged",
      choices: ["debug", "info", "warn", "error"],
    },
    {
      flags: "--inspect [address]",
      description: "let a debugger attach to the model process; 127.0.0.1:9229, time limits are off",
      parse: parseInspect,
    },
    {
      flags: "--inspect-brk [address]",
      description: "so, and wait for it before the model's code is loaded",
      parse: parseInspect,
    },
    {
      flags: "--cpu-profile [place]",
      description: "record what the model process does from ready on: a folder, or a file.cpuprofile",
    },
  ],
  examples: [
    "purlin serve --watch",
    "purlin serve my-model --port 0",
    "purlin serve my-model.tgz --host 0.0.0.0",
    "purlin serve --watch --inspect",
    "purlin serve --cpu-profile profiles",
  ],
  long: true,
  async run({ args, options }, context) {
    const { cwd, isTTY, json, report, signal, write } = context;
    if (options.strictExamples === true && options.watch !== true) {
      throw new UsageError(
        "--strict-examples needs --watch.",
        "Leave it out: without --watch, a model whose answers differ from their examples is never served.",
      );
    }
    const { serve } = await import("../../actions/serve.ts");
    const { terminalKeys } = await import("../terminal-keys.ts");
    await serve({
      target: resolve(cwd, args[0] ?? "."),
      port: options.port,
      host: options.host,
      watch: options.watch,
      strictExamples: options.strictExamples,
      workers: options.workers,
      logFormat: options.logFormat ?? (isTTY.stderr ? "pretty" : "json"),
      logLevel: options.logLevel,
      inspect: inspectOf(options),
      cpuProfile: options.cpuProfile && resolve(cwd, options.cpuProfile === true ? "." : options.cpuProfile),
      report,
      signal,
      ...(options.watch === true ? { keys: terminalKeys(context) } : {}),
      onEvent: (event) => {
        // What became of a save is told by the watch events, with the files and the reason.
        if (event.type === "reloaded" || event.type === "examples") return;
        const line = json ? JSON.stringify(event) : announcement(event);
        // Who read the address may have gone: no reason to stop serving.
        if (line !== null) write(`${line}\n`).catch(() => {});
      },
    });
    return undefined;
  },
});

function inspectOf({ inspect, inspectBrk }: Options): ServeOptions["inspect"] {
  const asked = inspectBrk ?? inspect;
  if (asked === undefined) return undefined;
  return { ...(asked === true ? DEFAULT_INSPECT_ADDRESS : asked), breaks: inspectBrk !== undefined };
}

/** The lines that scripts wait for, whatever the format of the log. */
function announcement(event: ControlEvent): string | null {
  if (event.type === "listening") return `listening on ${event.url}`;
  if (event.type === "debugger") return `debugger at ${event.url} (chrome://inspect, or attach an editor)`;
  if (event.type === "cpu-profile") return `cpu profile of ${event.seconds} s in ${event.file}`;
  return event.type === "ready" ? "ready" : null;
}
