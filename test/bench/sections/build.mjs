/** Builds of each template: from nothing, and again unchanged; against esbuild alone on the same entry. */
import { existsSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ROOT, runPurlin, timeCommand } from "../lib/command.mjs";
import { compare, rounds } from "../lib/measure.mjs";
import { row } from "../lib/report.mjs";
import { installTemplate } from "../lib/install-template.mjs";

export const title = "build of each template, against esbuild alone on the same entry";

const ESBUILD = join(ROOT, "node_modules/esbuild/bin/esbuild");

export async function run(context) {
  const { output } = await runPurlin(["init", "--list", "--json"]);
  const rows = [];
  for (const { name } of JSON.parse(output)) {
    const project = join(context.root, `build-${name}`);
    await runPurlin(["init", project, "--template", name, "--name", name, "--yes"]);
    if (!(await installTemplate(project))) {
      console.error(`${name} is left out: its packages could not be installed`);
      continue;
    }
    rows.push(...(await measureTemplate(context, name, project)));
  }
  return rows;
}

async function measureTemplate(context, name, project) {
  await runPurlin(["build", project]);
  const externals = externalPackages(project);
  const count = context.quick ? 3 : 7;
  const records = await rounds(count, {
    bare: () => esbuildAlone(context, project, externals),
    cold: () => {
      rmSync(join(project, ".purlin"), { recursive: true, force: true });
      return runPurlin(["build", project]);
    },
    again: () => runPurlin(["build", project]),
  });
  const line = (what, ours, note) =>
    row({
      figure: `${name}: ${what}`,
      unit: "ms",
      ...compare(ours, records.bare, (record) => record.ms),
      note,
    });
  const outside =
    externals.length === 0 ? "everything bundled" : `outside the bundle: ${externals.join(", ")}`;
  return [line("build from nothing", records.cold, outside), line("no-change rebuild", records.again, "")];
}

/** The packages that the build kept on disk: esbuild alone is told to leave the same ones out. */
function externalPackages(project) {
  const folder = join(project, ".purlin/package/deps/node_modules");
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => !name.startsWith("."))
    .flatMap((name) =>
      name.startsWith("@") ? readdirSync(join(folder, name)).map((rest) => `${name}/${rest}`) : [name],
    );
}

function esbuildAlone(context, project, externals) {
  const config = readFileSync(join(project, "config.yaml"), "utf8");
  const entry = /^model_class_filename:\s*(\S+)/m.exec(config)?.[1] ?? "model.ts";
  return timeCommand(
    ESBUILD,
    [
      join("model", entry),
      "--bundle",
      "--platform=node",
      "--format=esm",
      "--target=node20",
      "--sourcemap=linked",
      "--log-level=error",
      ...["purlin", ...externals].map((name) => `--external:${name}`),
      `--outfile=${join(context.root, "esbuild-alone.mjs")}`,
    ],
    { cwd: project },
  );
}
