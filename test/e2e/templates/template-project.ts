import assert from "node:assert/strict";
import { rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { ROOT } from "../../helpers/source-files.ts";
import { execCli, spawnCli } from "../../helpers/spawn-cli.ts";
import { tmpDir } from "../../helpers/tmp-dir.ts";

/** A project made from a template; its path has a space and an umlaut in it, as real ones do. */
export async function scaffold(t: TestContext, template: string): Promise<string> {
  const dir = join(await tmpDir(t), "mein schönes projekt");
  await cli(t, ["init", dir, "--template", template, "--name", `a-${template}`, "--yes"]);
  return dir;
}

/** Builds and verifies; the package's folder. */
export async function build(t: TestContext, projectDir: string): Promise<string> {
  const output = await cli(t, ["build", projectDir, "--verify", "--json"]);
  const { path, warnings } = JSON.parse(output) as { path: string; warnings: unknown[] };
  assert.deepEqual(warnings, []);
  return path;
}

/** Serves a package moved out of its project, with nothing to fall back on; the address. */
export async function serveElsewhere(t: TestContext, packageDir: string): Promise<string> {
  const moved = join(await tmpDir(t), "package");
  await rename(packageDir, moved);
  const serve = spawnCli(t, ["serve", moved, "--port", "0"], { cwd: dirname(moved) });
  const [, url] = await serve.waitFor(/^listening on (http:\S+)$/m);
  await serve.waitFor(/^ready$/m, { timeout: 60_000 });
  assert.ok(url);
  return url;
}

/** Runs a command to its end, which must be a good one; what it printed. */
export async function cli(t: TestContext, args: string[]): Promise<string> {
  const { code, stdout, stderr } = await execCli(t, args, { cwd: ROOT });
  assert.equal(code, 0, `purlin ${args.join(" ")}\n${stderr}\n${stdout}`);
  return stdout;
}
