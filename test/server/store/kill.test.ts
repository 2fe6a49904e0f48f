import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Digest } from "../../../src/protocol/manifest.ts";
import { openStore } from "../../../src/server/store/open-store.ts";
import { seededRandom } from "../../helpers/random.ts";
import { tmpDir } from "../../helpers/tmp-dir.ts";
import { until } from "../../helpers/until.ts";

const WORKER = fileURLToPath(new URL("kill-worker.ts", import.meta.url));
const ROUNDS = 5;

interface Promised {
  digest: Digest;
  files: Record<string, string>;
}

test("kill -9 in the midst of pushes, uploads and garbage collection loses nothing that was promised", async (t) => {
  const dir = join(await tmpDir(t), "data");
  const random = seededRandom(7);
  let pushed = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const child = spawn(process.execPath, ["--import", "tsx", WORKER, dir, String(round)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
    const exited = once(child, "close");
    t.after(() => child.kill("SIGKILL"));
    await until(() => said.includes('"push"'), { what: () => `a first push (${said})` });
    // The moment of the kill is the point, not something to be waited for.
    await delay(random.int(400));
    child.kill("SIGKILL");
    const [code] = (await exited) as [number | null];
    assert.equal(code, null, "it worked until it was killed");

    const told = said
      .split("\n")
      .filter((line) => line.endsWith("]"))
      .map((line) => JSON.parse(line) as [string, Promised]);
    const store = openStore(dir);
    try {
      const blobs = told.filter(([kind]) => kind === "blob").map(([, { digest }]) => digest);
      const model = (digest: Digest): boolean =>
        ["m", "blobs"].some((name) => store.blobs.missing(name, [digest]).length === 0);
      assert.deepEqual(
        blobs.filter((digest) => !model(digest)),
        [],
      );
      const pushes = told.filter(([kind]) => kind === "push").map(([, promised]) => promised);
      pushed += pushes.length;
      // Older ones may have gone: ten of an environment stay.
      for (const { digest, files } of pushes.slice(-5)) {
        const place = await store.packages.place(digest);
        for (const [path, text] of Object.entries(files))
          assert.equal(readFileSync(join(place, path), "utf8"), text);
      }
      const { damaged, missing } = await store.verify();
      assert.deepEqual({ damaged, missing }, { damaged: [], missing: [] });
      await store.collectGarbage();
      const rows = store.db.prepare("PRAGMA integrity_check").all();
      assert.deepEqual(rows, [{ integrity_check: "ok" }]);
    } finally {
      await store.close();
    }
  }
  assert.ok(pushed >= ROUNDS);
});
