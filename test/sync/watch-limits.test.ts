import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { makeTree } from "../helpers/make-tree.ts";
import { ROOT } from "../helpers/source-files.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";
import { until } from "../helpers/until.ts";

/** A user namespace has limits of its own: what is set there concerns nobody else. */
const UNSHARE = ["--user", "--map-root-user", "sh", "-c"];
const limited = (limits: string): string[] => [...UNSHARE, `${limits} && exec "$0" "$@"`];
const canLimit =
  process.platform === "linux" &&
  spawnSync("unshare", [...limited("echo 8 > /proc/sys/user/max_inotify_watches"), "true"]).status === 0;
const skip = canLimit ? false : "this user may not make a namespace with limits of its own";

interface Limited {
  dir: string;
  child: ChildProcess;
  lines(): { files?: number; polling?: boolean; paths?: string[] }[];
  saw(path: string): boolean;
}

async function watchUnder(t: TestContext, limits: string, files: Record<string, string>): Promise<Limited> {
  const dir = await tmpDir(t);
  await makeTree(dir, files);
  const script = join(ROOT, "test/sync/watch-few.ts");
  const child = spawn("unshare", [...limited(limits), process.execPath, "--import", "tsx", script, dir], {
    cwd: ROOT,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  t.after(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  const lines = (): ReturnType<Limited["lines"]> =>
    output
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as never);
  await until(() => lines().some(({ files: count }) => count !== undefined), { what: "the watch to begin" });
  return { dir, child, lines, saw: (path) => lines().some(({ paths }) => paths?.includes(path)) };
}

describe("watching without enough of the system", { skip }, () => {
  const tree = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`model/part-${i}/a.ts`, "1"]));

  it("no watches left (ENOSPC): the tree is polled, and every kind of change is seen", async (t) => {
    const { dir, child, lines, saw } = await watchUnder(
      t,
      "echo 4 > /proc/sys/user/max_inotify_watches",
      tree,
    );
    assert.deepEqual(lines()[0], { files: 12, polling: true });
    await writeFile(join(dir, "model/part-3/a.ts"), "22");
    await until(() => saw("model/part-3/a.ts"));
    await mkdir(join(dir, "model/new"));
    await writeFile(join(dir, "model/new/b.ts"), "1");
    await rm(join(dir, "model/part-4/a.ts"));
    await until(() => saw("model/new/b.ts") && saw("model/part-4/a.ts"));
    child.stdin?.end();
    const [code] = (await once(child, "exit")) as [number];
    assert.equal(code, 0, "closing ends the polling, and with it the process");
  });

  it("no inotify instance left (EMFILE): the same", async (t) => {
    const { dir, lines, saw } = await watchUnder(t, "echo 0 > /proc/sys/user/max_inotify_instances", tree);
    assert.deepEqual(lines()[0], { files: 12, polling: true });
    await writeFile(join(dir, "model/part-3/a.ts"), "22");
    await until(() => saw("model/part-3/a.ts"));
  });

  it("watches that run out later are told of, and from then on the tree is polled", async (t) => {
    const { dir, lines, saw } = await watchUnder(t, "echo 40 > /proc/sys/user/max_inotify_watches", tree);
    assert.deepEqual(lines()[0], { files: 12, polling: false });
    const more = Array.from({ length: 60 }, (_, i) => `model/more-${i}/b.ts`);
    await makeTree(dir, Object.fromEntries(more.map((path) => [path, "1"])));
    await until(() => lines().some(({ polling }) => polling === true));
    await until(() => more.every(saw), { what: "all that was added" });
    await writeFile(join(dir, "model/more-59/b.ts"), "22");
    await until(() => lines().filter(({ paths }) => paths?.includes("model/more-59/b.ts")).length > 1);
  });
});
