import assert from "node:assert/strict";
import { mkdir, readdir, readFile, realpath } from "node:fs/promises";
import type { Profiler } from "node:inspector";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { pathToFileURL } from "node:url";
import { makeProject } from "../helpers/build-project.ts";
import { editFile } from "../helpers/edit-file.ts";
import { runCli } from "../helpers/run-cli.ts";
import { type SpawnedCli, spawnCli } from "../helpers/spawn-cli.ts";
import { until } from "../helpers/until.ts";

/** Lines 4 to 6 spin, in a function of a file of its own. */
const MODEL = `import { burn } from "./burn.ts";
export class Model {
  predict(input: { ms: number; exit?: boolean }) {
    if (input.exit) process.exit(3);
    return { turns: burn(input.ms), pid: process.pid };
  }
}
`;
const BURN = `interface Unused {
  gone: true;
}
export function burn(ms: number): number {
  let turns = 0;
  for (const end = Date.now() + ms; Date.now() < end; ) turns += Math.sqrt(turns + 1) > 0 ? 1 : 0;
  return turns;
}
`;

async function serve(
  t: TestContext,
  ...flags: string[]
): Promise<{ dir: string; cli: SpawnedCli; url: string }> {
  const dir = await makeProject(t, { "model/model.ts": MODEL, "model/burn.ts": BURN });
  const cli = spawnCli(t, ["serve", "--port", "0", ...flags], { cwd: dir });
  const [, url = ""] = await cli.waitFor(/^listening on (\S+)/m);
  await cli.waitFor(/^ready$/m);
  return { dir: await realpath(dir), cli, url };
}

async function predict(url: string, input: object): Promise<{ pid?: number }> {
  const answer = await fetch(`${url}/predict`, { method: "POST", body: JSON.stringify(input) });
  return (await answer.json()) as { pid?: number };
}

const readProfile = async (file: string): Promise<Profiler.Profile> =>
  JSON.parse(await readFile(file, "utf8")) as Profiler.Profile;

/** How many samples lie in a function of that name, and where it stands. */
function samplesIn(
  { nodes, samples = [] }: Profiler.Profile,
  name: string,
): { count: number; place: string; lines: number[] } {
  const own = nodes.filter(({ callFrame }) => callFrame.functionName === name);
  const ids = new Set(own.map(({ id }) => id));
  const [first] = own;
  return {
    count: samples.filter((id) => ids.has(id)).length,
    place: `${first?.callFrame.url}:${(first?.callFrame.lineNumber ?? -1) + 1}`,
    lines: own.flatMap(({ positionTicks = [] }) => positionTicks.map(({ line }) => line)),
  };
}

test("a CPU profile tells the time of the model's own functions, by the files and lines of the project", async (t) => {
  const { dir, cli, url } = await serve(t, "--cpu-profile", "run.cpuprofile");
  await predict(url, { ms: 300 });
  cli.kill("SIGTERM");
  assert.equal((await cli.exited).code, 0);
  const file = join(dir, "run.cpuprofile");
  assert.match(cli.stdout(), new RegExp(`^cpu profile of [\\d.]+ s in ${file}$`, "m"));
  const profile = await readProfile(file);
  const { count, place, lines } = samplesIn(profile, "burn");
  assert.ok(count > 50, `${count} samples`);
  assert.equal(place, `${pathToFileURL(join(dir, "model/burn.ts")).href}:4`);
  assert.ok(lines.length > 0 && lines.every((line) => line >= 4 && line <= 8), String(lines));
  assert.equal(profile.samples?.length, profile.timeDeltas?.length);

  const again = spawnCli(t, ["serve", "--port", "0", "--cpu-profile", "run.cpuprofile"], { cwd: dir });
  await again.waitFor(/^ready$/m);
  again.kill();
  await again.exited;
  assert.ok((await readdir(dir)).includes("run-2.cpuprofile"), "an earlier profile is kept");
});

test("each process has a profile of its own: one that a save replaces, one that ends by itself, the last", async (t) => {
  const { dir, cli, url } = await serve(t, "--watch", "--cpu-profile", "profiles");
  const first = (await predict(url, { ms: 30 })).pid;
  await editFile(join(dir, "model/model.ts"), "  predict", "  loaded = 1;\n  predict");
  const second = await until(async () => {
    const { pid } = await predict(url, { ms: 30 });
    return pid !== first && pid;
  });
  await cli.waitFor(/^cpu profile of/m);
  await predict(url, { ms: 0, exit: true });
  await until(async () => {
    const { pid } = await predict(url, { ms: 30 });
    return pid !== undefined && pid !== second;
  });
  cli.kill("SIGTERM");
  await cli.exited;
  const files = await readdir(join(dir, "profiles"));
  assert.equal(files.length, 3, files.join(", "));
  for (const file of files) {
    assert.match(file, /^test-\d{8}T\d{6}(-\d)?\.cpuprofile$/);
    const { count, place } = samplesIn(await readProfile(join(dir, "profiles", file)), "burn");
    assert.ok(count > 0, file);
    assert.match(place, /\/project\/model\/burn\.ts:4$/);
  }
});

test("a place that cannot be written to is told before anything is built, not when the profile is there", async (t) => {
  const dir = await makeProject(t);
  for (const place of ["config.yaml/profiles", "config.yaml/x.cpuprofile"]) {
    const run = await runCli(["serve", "--port", "0", "--cpu-profile", place], { cwd: dir });
    assert.equal(run.code, 1);
    assert.match(run.stderr, /No CPU profile could be written to .*config\.yaml/);
    assert.doesNotMatch(run.stderr, /bundling/);
  }
});

test("a folder to be served that stands where the place for profiles would is told apart", async (t) => {
  const dir = await makeProject(t);
  await mkdir(join(dir, "elsewhere"));
  const run = await runCli(["serve", "--port", "0", "--cpu-profile", dir], { cwd: join(dir, "elsewhere") });
  assert.equal(run.code, 2, "though nothing is here that could be served");
  const other = await makeProject(t);
  const flags = await runCli(["serve", "--port", "0", "--cpu-profile", other], { cwd: dir });
  assert.equal(flags.code, 2);
  assert.match(
    flags.stderr,
    /is to be served, and stands where a place for profiles would[\s\S]*before the flag/,
  );
});
