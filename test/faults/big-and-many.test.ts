// Issue 3, item 10: very many and very big files.
import assert from "node:assert/strict";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { it } from "node:test";
import { makeModelProject } from "../helpers/make-model-project.ts";
import { spawnCli } from "../helpers/spawn-cli.ts";
import { startTestHost } from "../helpers/test-host.ts";
import { until } from "../helpers/until.ts";

const MIB = 1024 * 1024;

it("20,000 small files are pushed, and pushed again without a byte", async (t) => {
  const host = await startTestHost(t);
  const project = await makeModelProject(t, "many");
  for (let i = 0; i < 200; i++) {
    await Promise.all(
      Array.from({ length: 100 }, (_, j) =>
        project.write(`data/${i}/${j}.txt`, `file ${i} ${j}\n`.repeat(60)),
      ),
    );
  }
  const first = await host.ok<{ uploaded_files: number; state: string; duration_ms: number }>([
    "push",
    project.dir,
  ]);
  assert.equal(first.state, "ACTIVE");
  assert.ok(first.uploaded_files >= 20_000);
  t.diagnostic(`first push ${(first.duration_ms / 1000).toFixed(1)} s`);
  const second = await host.ok<{ uploaded_bytes: number }>(["push", project.dir]);
  assert.equal(second.uploaded_bytes, 0);
  assert.equal((await host.predict("many", {})).status, 200);
});

it("one file of 4 GiB is pushed with less than 200 MiB of memory on both sides", async (t) => {
  const host = await startTestHost(t);
  const project = await makeModelProject(t, "big");
  await project.write("data/readme.txt", "big");
  // Not all zeros, so that a part in the wrong place would show; mostly a hole, so that the disk is not the test.
  const file = await open(join(project.dir, "data/weights.bin"), "w");
  await file.truncate(4096 * MIB);
  for (let at = 0; at < 4096; at += 8) await file.write(Buffer.from(`mark ${at}`), 0, undefined, at * MIB);
  await file.close();
  const push = spawnCli(t, ["push", project.dir, "--json", "--timeout", "600"], {
    cwd: project.dir,
    env: host.env,
  });
  const peaks = { host: 0, push: 0 };
  let over = false;
  void push.exited.then(() => (over = true));
  await until(
    async () => {
      peaks.host = Math.max(peaks.host, await residentBytes(host.pid));
      peaks.push = Math.max(peaks.push, await residentBytes(push.pid));
      return over;
    },
    { timeout: 600_000, interval: 50 },
  );
  const { code } = await push.exited;
  assert.equal(code, 0, push.stdout() + push.stderr());
  t.diagnostic(
    `host ${(peaks.host / MIB).toFixed(0)} MiB, push ${(peaks.push / MIB).toFixed(0)} MiB at most`,
  );
  assert.ok(peaks.host < 200 * MIB && peaks.push < 200 * MIB);
});

/** Of the process alone; 0 once it has ended. */
async function residentBytes(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) * 1024;
}
