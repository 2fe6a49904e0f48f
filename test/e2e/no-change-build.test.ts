import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { makeProject } from "../helpers/build-project.ts";
import { execCli } from "../helpers/spawn-cli.ts";

/** Writes each resolved module into a file, from the thread that Node resolves them in. */
const HOOK = `import { register } from "node:module";
register("data:text/javascript," + encodeURIComponent(\`
  import { appendFileSync } from "node:fs";
  export async function resolve(specifier, context, next) {
    const found = await next(specifier, context);
    appendFileSync(\${JSON.stringify(process.env.MODULE_LOG)}, found.url + "\\\\n");
    return found;
  }
\`));`;

test("a build without changes loads neither bundler, parser, validator nor archiver", async (t) => {
  const dir = await makeProject(t, { "data/a.txt": "a" });
  const hook = join(dirname(dir), "hook.mjs");
  const log = join(dirname(dir), "modules.txt");
  await writeFile(hook, HOOK);
  const run = async (): Promise<{ cached: boolean; modules: string }> => {
    await writeFile(log, "");
    const env = { MODULE_LOG: log, NODE_OPTIONS: `--import ${hook}` };
    const { code, stdout, stderr } = await execCli(t, ["build", dir, "--json"], { cwd: dir, env });
    assert.equal(code, 0, stderr);
    return {
      cached: (JSON.parse(stdout) as { cached: boolean }).cached,
      modules: await readFile(log, "utf8"),
    };
  };
  const heavy = /node_modules\/(esbuild|yaml|zod|tar|acorn|ignore|undici|chokidar)\//g;
  const first = await run();
  assert.equal(first.cached, false);
  assert.match(first.modules, heavy, "the hook sees what is loaded");
  const second = await run();
  assert.equal(second.cached, true);
  assert.deepEqual(second.modules.match(heavy) ?? [], []);
});
