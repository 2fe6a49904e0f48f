import { resolve } from "node:path";
import { UsageError } from "../../errors.ts";
import { defineCommand } from "../define-command.ts";
import { parseCount, parsePort } from "../parse-values.ts";
import { formatBytes, formatCount } from "../report/format.ts";
import { remoteOption, type RemoteOptions } from "../remote-option.ts";

interface Options {
  port: number;
  host: string;
  data?: string;
  engine?: string;
  verify?: true;
  tlsCert?: string;
  tlsKey?: string;
  trustProxy?: string;
  keepDeployments: number;
  keepLogs: number;
}

const backup = defineCommand<RemoteOptions>({
  name: "backup",
  summary: "copy the database of a running host to a new file on its machine",
  arguments: [{ name: "<file>", description: "where the copy goes" }],
  options: [remoteOption],
  async run({ args, options }, { cwd, env, signal }) {
    const { backupHost } = await import("../../actions/host.ts");
    const file = resolve(cwd, args[0] as string);
    const json = await backupHost({ remote: options.remote, env, signal, file });
    return { json, text: `written to ${json.file}` };
  },
});

const gc = defineCommand<RemoteOptions & { dryRun?: true }>({
  name: "gc",
  summary: "remove files that nothing refers to any more",
  options: [
    remoteOption,
    { flags: "--dry-run", description: "tell how much that would be, and remove nothing" },
  ],
  async run({ options }, { env, signal }) {
    const { collectGarbage } = await import("../../actions/host.ts");
    const dryRun = options.dryRun === true;
    const json = await collectGarbage({ remote: options.remote, env, signal, dryRun });
    const what = `${formatCount(Number(json["blobs"]), "file")} of ${formatBytes(Number(json["bytes"]))}`;
    return { json, text: dryRun ? `${what} would be removed` : `removed ${what}` };
  },
});

export const hostCommand = defineCommand<Options>({
  name: "host",
  summary: "run the deployment server that push talks to",
  description:
    "Takes packages, runs them on this machine and routes requests to them. Prints its address once the socket is\n" +
    "open. The key is PURLIN_API_KEY; without it one is made at the first start, told once, and kept for this user.",
  subcommands: [backup, gc] as never,
  options: [
    { flags: "-p, --port <port>", description: "0 picks a free one", default: 4700, parse: parsePort },
    { flags: "--host <host>", description: "the address to listen on", default: "127.0.0.1" },
    { flags: "--data <dir>", description: "where everything is kept; a folder of this user" },
    { flags: "--engine <engine>", description: "where models run; this machine without it" },
    { flags: "--verify", description: "read every file that is kept again, tell what is damaged, and end" },
    {
      flags: "--keep-deployments <n>",
      description: "of each environment, those that can be rolled back to",
      default: 10,
      parse: parseCount,
    },
    {
      flags: "--keep-logs <mib>",
      description: "of each deployment, so many MiB",
      default: 8,
      parse: parseCount,
    },
    { flags: "--tls-cert <file>", description: "certificate for https, PEM" },
    { flags: "--tls-key <file>", description: "its key, PEM" },
    {
      flags: "--trust-proxy <addresses>",
      description: "proxies whose X-Forwarded-* is believed, with commas",
    },
  ],
  examples: ["purlin host", "purlin host --port 0 --data ./data", "purlin host --verify"],
  long: ({ verify }) => verify !== true,
  async run({ options }, { cwd, env, isTTY, json, quiet, verbose, report, signal, style, write }) {
    const actions = await import("../../actions/host.ts");
    const dataDir = options.data === undefined ? undefined : resolve(cwd, options.data);
    if (options.verify) {
      const result = await actions.verifyHost({ dataDir, env, report });
      const what = `${formatCount(result.files, "file")} of ${formatBytes(result.bytes)}`;
      return {
        json: result,
        text: (own) => `${own.good("ok")} ${what} in ${result.data} are as they should be`,
      };
    }
    if ((options.tlsCert === undefined) !== (options.tlsKey === undefined)) {
      throw new UsageError("--tls-cert and --tls-key belong together.", "Give both, or none.");
    }
    const { tlsCert, tlsKey } = options;
    await actions.host({
      host: options.host,
      port: options.port,
      dataDir,
      engine: options.engine,
      tls:
        tlsCert === undefined || tlsKey === undefined
          ? undefined
          : { cert: resolve(cwd, tlsCert), key: resolve(cwd, tlsKey) },
      trustProxy: options.trustProxy?.split(",").map((address) => address.trim()),
      keepDeployments: options.keepDeployments,
      keepLogMib: options.keepLogs,
      env,
      signal,
      report,
      log({ level, message, ...fields }) {
        if (level === "debug" && !verbose) return;
        const more = Object.keys(fields).length === 0 ? "" : ` ${JSON.stringify(fields)}`;
        const text = `${level}: ${message}${more}`;
        if (level === "error" || level === "warn")
          report.emit({ type: "warning", code: "HOST", message: text });
        else report.emit({ type: "note", message: text });
      },
      onListening({ url, createdKey, dataDir: place, isolation }) {
        if (!json && !quiet) {
          report.emit({ type: "note", message: style.dim(`data in ${place}`) });
          for (const sentence of isolation)
            report.emit({ type: "note", message: style.dim(`  ${sentence}`) });
          if (createdKey !== null) {
            report.emit({ type: "note", message: `admin key, told this once: ${createdKey}` });
            const hint = "This user's commands find it by themselves; others set PURLIN_API_KEY.";
            report.emit({ type: "note", message: isTTY.stderr ? style.dim(hint) : hint });
          }
        }
        const event = {
          type: "listening",
          url,
          data: place,
          isolation,
          ...(createdKey === null ? {} : { key: createdKey }),
        };
        // Who read the address may have gone: no reason to stop serving.
        write(json ? `${JSON.stringify(event)}\n` : `listening on ${url}\n`).catch(() => {});
      },
    });
    return undefined;
  },
});
