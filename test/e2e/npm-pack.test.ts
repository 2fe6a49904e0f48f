import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { editFile } from "../helpers/edit-file.ts";
import { ROOT } from "../helpers/source-files.ts";
import { execCli, spawnCli } from "../helpers/spawn-cli.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";
import { until } from "../helpers/until.ts";

const MIB = 1024 * 1024;

interface Packed {
  filename: string;
  size: number;
  files: { path: string }[];
}

/** What a person does who gets Purlin as a file: nothing of this repository is near. */
describe("the tarball of npm pack", () => {
  it("holds what runs and nothing else", async (t) => {
    const { size, files } = await pack(await tmpDir(t));
    const paths = files.map(({ path }) => path);
    const allowed =
      /^(bin\/purlin\.js|dist\/|templates\/|package\.json|README\.md|LICENSE|CHANGELOG\.md|docs\/)/;
    assert.deepEqual(
      paths.filter((path) => !allowed.test(path) || /node_modules|\.test\.|(^|\/)\.env/.test(path)),
      [],
    );
    for (const needed of [
      "dist/cli/main.mjs",
      "dist/runtime/front.mjs",
      "dist/sdk/index.d.ts",
      "templates/minimal/config.yaml",
    ]) {
      assert.ok(paths.includes(needed), needed);
    }
    assert.ok(size < 3 * MIB, `${size} bytes`);
  });

  for (const folder of ["empty", "mit Leerzeichen und Ümläuten ☂ dist"]) {
    it(`installs into a folder called "${folder}" and does the main job from there`, async (t) => {
      const dir = await tmpDir(t);
      const { filename } = await pack(dir);
      const cwd = join(dir, folder);
      await mkdir(cwd);
      await npm(["install", "--no-audit", "--no-fund", "--prefer-offline", join(dir, filename)], cwd);
      const purlin = (...args: string[]) => execCli(t, args, { cwd, command: npx() });

      const init = await purlin("init", "demo");
      assert.equal(init.code, 0, init.stderr);
      const build = await purlin("build", "demo", "--json");
      assert.equal(build.code, 0, build.stderr);
      const { path } = JSON.parse(build.stdout) as { path: string };
      // From here on the package must stand on its own.
      await editFile(join(cwd, "demo/model/model.ts"), /[\s\S]*/, "no longer TypeScript }}}");

      const serve = spawnCli(t, ["serve", path, "--port", "0"], { cwd, command: installed(cwd) });
      const [, url = ""] = await serve.waitFor(/^listening on (http:\S+)$/m);
      await serve.waitFor(/^ready$/m);
      const answer = await purlin("predict", "--local", url, "-d", '{"text": "One two. Three!"}');
      assert.equal(answer.code, 0, answer.stderr);
      assert.equal((JSON.parse(answer.stdout) as { words: number }).words, 3);

      serve.kill("SIGTERM");
      const ended = await serve.exited;
      assert.equal(ended.code, 0, serve.stderr());
      await until(async () => {
        await assert.rejects(fetch(url));
        return true;
      });
    });
  }
});

/** dist/ stands: the set-up of the tests has built it. */
async function pack(to: string): Promise<Packed> {
  const stdout = await npm(["pack", "--json", "--ignore-scripts", "--pack-destination", to], ROOT);
  const parsed = JSON.parse(stdout) as Packed[] | Record<string, Packed>;
  const [packed] = Object.values(parsed) as Packed[];
  assert.ok(packed);
  return packed;
}

async function npm(args: string[], cwd: string): Promise<string> {
  const { stdout } = await promisify(execFile)("npm", [...args, "--loglevel=error"], {
    cwd,
    maxBuffer: 16 * MIB,
  });
  return stdout;
}

function npx(): [string, ...string[]] {
  return ["npx", "--no-install", "purlin"];
}

/** Without npx in between, which would take the signals. */
function installed(cwd: string): [string, ...string[]] {
  return [process.execPath, join(cwd, "node_modules/purlin/bin/purlin.js")];
}
