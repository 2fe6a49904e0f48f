// Values that are valid one by one and cannot hold together.
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { runCli } from "../helpers/run-cli.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";

/** What is said of the lines below `runtime:`; null where they are accepted. */
const CASES: [string, string | null][] = [
  ["batching: {max_size: 9}, max_queue: 8", "batching.max_size` is greater than runtime.max_queue (8)"],
  ["batching: {max_size: 8}, max_queue: 8", null],
  [
    "batching: {max_wait_ms: 1000}, predict_timeout_seconds: 1",
    "batching.max_wait_ms` is not below runtime.predict_timeout_seconds (1)",
  ],
  ["batching: {max_wait_ms: 999}, predict_timeout_seconds: 1", null],
  ["memory_limit: 3GiB", "memory_limit` is above resources.memory (2Gi)"],
  ["memory_limit: 1GiB, workers: 2", null],
  ["memory_limit: 1GiB, workers: 3", "memory_limit` times runtime.workers (3) is above"],
  ["memory_limit: 1GiB, spare: true", null],
  [
    "memory_limit: 1GiB, workers: 2, spare: true",
    "memory_limit` times runtime.workers and the spare (2 + 1) is above",
  ],
];

test("what cannot hold together is refused with its place and the reason", async (t) => {
  const dir = await tmpDir(t);
  await mkdir(join(dir, "model"));
  await writeFile(join(dir, "model/model.ts"), "export class Model { predictBatch(rows) { return rows; } }");
  for (const [runtime, expected] of CASES) {
    await writeFile(join(dir, "config.yaml"), `model_name: m\nruntime: {${runtime}}\n`);
    const { code, stderr } = await runCli(["config", "check"], { cwd: dir });
    assert.equal(code, expected === null ? 0 : 1, `${runtime}\n${stderr}`);
    if (expected !== null) {
      assert.match(stderr, /config\.yaml:2:\d+: /);
      assert.ok(stderr.includes(`\`runtime.${expected}`), stderr);
    }
  }
});
