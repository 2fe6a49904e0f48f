/** How long commands take that do next to nothing, against Node doing nothing. */
import { join } from "node:path";
import { runNode, runPurlin } from "../lib/command.mjs";
import { compare, rounds } from "../lib/measure.mjs";
import { atMost, row } from "../lib/report.mjs";

export const title = "command line, against node -e 0";

export async function run(context) {
  const project = join(context.root, "cli-minimal");
  await runPurlin(["init", project, "--template", "minimal", "--name", "minimal", "--yes"]);
  const records = await rounds(context.quick ? 8 : 20, {
    bare: () => runNode(["-e", "0"]),
    help: () => runPurlin(["--help"]),
    version: () => runPurlin(["--version"]),
    build: () => runPurlin(["build", project]),
  });
  const line = (figure, name, target = null) =>
    row({ figure, unit: "ms", ...compare(records[name], records.bare, (record) => record.ms), target });
  return [
    line("purlin --help", "help", atMost(1.4)),
    line("purlin --version", "version"),
    line("no-change build of the minimal template", "build", atMost(4)),
  ];
}
