import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

/**
 * A folder of its own for one test, removed after it: links in the path resolved, absolute.
 * Register it before what runs in it (watchers, processes): hooks run in order, the folder must go last.
 */
export async function tmpDir(t: Pick<TestContext, "after">, prefix = "purlin-test-"): Promise<string> {
  const dir = await realpath(await mkdtemp(join(tmpdir(), prefix)));
  t.after(() => rm(dir, { recursive: true, force: true, maxRetries: 5 }));
  return dir;
}
