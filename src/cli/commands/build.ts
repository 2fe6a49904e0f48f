import { relative, resolve } from "node:path";
import type { BuildResult } from "../../actions/build.ts";
import { defineCommand } from "../define-command.ts";
import { problemJson } from "../error-json.ts";
import { formatBytes, formatCount, formatMs, formatTable } from "../report/format.ts";
import type { Style } from "../report/style.ts";

interface Options {
  output?: string;
  target?: string;
  list?: true;
  verify?: true;
  archive?: string;
  watch?: true;
}

export const buildCommand = defineCommand<Options>({
  name: "build",
  summary: "make the package that is served and deployed",
  description:
    "Checks config and code, bundles them, and packs all that the model needs into one folder that runs with\n" +
    "Node alone. The digest depends on content and target, on nothing else.",
  arguments: [{ name: "[dir]", description: "the project; this folder" }],
  options: [
    { flags: "-o, --output <dir>", description: "where the package goes; .purlin/package in the project" },
    { flags: "--target <target>", description: "the machine it is for (linux-x64, ...); this one" },
    { flags: "--list", description: "print every file with its size and the rule that put it there" },
    { flags: "--verify", description: "load the package in an empty folder and run its examples" },
    { flags: "--archive <file>", description: "write it to a single file as well, for CI" },
    { flags: "-w, --watch", description: "build again after every save" },
  ],
  examples: ["purlin build", "purlin build --verify", "purlin build my-model --archive my-model.tgz"],
  long: ({ watch }) => watch === true,
  async run({ args, options }, { cwd, json, report, signal, style, verbose, write }) {
    const asked = {
      dir: resolve(cwd, args[0] ?? "."),
      ...(options.output === undefined ? {} : { output: resolve(cwd, options.output) }),
      ...(options.archive === undefined ? {} : { archive: resolve(cwd, options.archive) }),
      target: options.target,
      list: options.list,
      verify: options.verify,
      report,
      signal,
    };
    const text = (result: BuildResult): string => describe(result, { cwd, style, verbose }).join("\n");
    if (options.watch) {
      const { buildWatching } = await import("../../actions/build-watching.ts");
      return buildWatching({
        ...asked,
        onBuilt: (result) => {
          const line = json ? JSON.stringify({ type: "built", ...resultJson(result) }) : text(result);
          write(`${line}\n`).catch(() => {});
        },
      });
    }
    const { build } = await import("../../actions/build.ts");
    const result = await build(asked);
    return { json: resultJson(result), text: text(result) };
  },
});

function resultJson(result: BuildResult): object {
  return { ...result, warnings: result.warnings.map(problemJson) };
}

interface Describing {
  cwd: string;
  style: Style;
  verbose: boolean;
}

/** The digest comes first, on a line of its own: scripts take it from there. */
function describe(result: BuildResult, { cwd, style, verbose }: Describing): string[] {
  const place = relative(cwd, result.path) || ".";
  const took = result.cached ? "nothing had changed" : formatMs(result.duration_ms);
  const lines = [
    style.strong(result.package),
    `${style.good("built")} ${style.code(place)} ${style.dim(`${result.target}, ${formatCount(result.files, "file")}, ${formatBytes(result.bytes)}; ${took}`)}`,
  ];
  for (const { name, version, reason } of result.externals) {
    lines.push(style.dim(`  ${name}@${version} is kept outside the bundle: ${reason}`));
  }
  const change = result.changed_since_last;
  if (change && change.package !== result.package) {
    const size = `${change.bytes < 0 ? "-" : "+"}${formatBytes(Math.abs(change.bytes))}`;
    const counts = `${change.added} added, ${change.changed} changed, ${change.removed} removed`;
    lines.push(style.dim(`  since the last build: ${counts} (${change.layers.join(", ")}), ${size}`));
  }
  if (verbose && !result.list) lines.push("biggest files:", ...sizes(result.biggest));
  if (result.archive) {
    lines.push(
      `  archive ${style.code(relative(cwd, result.archive.path))} ${formatBytes(result.archive.bytes)}`,
    );
  }
  if (result.verified) {
    lines.push(`${style.good("verified")} it loads in an empty folder and answers its examples`);
  }
  if (result.list) {
    lines.push(
      "",
      ...formatTable(result.list.map(({ path, bytes, rule }) => [formatBytes(bytes), path, style.dim(rule)])),
    );
    lines.push("", "biggest files:", ...sizes(result.biggest));
  }
  return lines;
}

function sizes(files: BuildResult["biggest"]): string[] {
  return formatTable(files.map(({ path, bytes }) => [`  ${formatBytes(bytes)}`, path]));
}
