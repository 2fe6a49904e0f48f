import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { it, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { makePackage, startTransferServer, type TestPackage } from "../../helpers/transfer-server.ts";
import { tmpDir } from "../../helpers/tmp-dir.ts";
import { until } from "../../helpers/until.ts";

const MIB = 1024 * 1024;
const SIZE = 64 * MIB;
const PART = 4 * MIB;
const CHILD = fileURLToPath(new URL("../../helpers/transfer-child.ts", import.meta.url));

it("kill -9 of the client half-way: what is there is not sent again", async (t) => {
  const server = await startTransferServer(t, { limits: { part_bytes: PART } });
  const made = await largePackage(t);
  const first = start(t, ["push", server.url, made.dir]);
  await until(() => acknowledged(first.output()) > SIZE / 2, { timeout: 20_000, interval: 1 });
  first.child.kill("SIGKILL");
  await first.ended;
  assert.equal(server.deployments.length, 0);
  const second = start(t, ["push", server.url, made.dir]);
  assert.equal(await second.ended, 0, second.output());
  const sent = Number(/progress \d+ (\d+)\n(?!.*progress)/s.exec(second.output())?.[1]);
  assert.ok(sent <= SIZE / 2 + 4 * PART, `${sent} bytes were sent again`);
  assert.equal(server.deployments.length, 1);
  await assertWhole(server.store.blobs.pathOf(digestOf(made)), digestOf(made));
});

it("kill -9 of the server amid a part: started again, it knows what it has, and the push goes through", async (t) => {
  const data = join(await tmpDir(t), "data");
  const made = await largePackage(t);
  const server = start(t, ["server", data]);
  const client = start(t, ["push", await urlOf(server), made.dir]);
  await until(() => acknowledged(client.output()) > SIZE / 4, { timeout: 20_000, interval: 1 });
  server.child.kill("SIGKILL");
  client.child.kill("SIGKILL");
  await Promise.all([server.ended, client.ended]);
  const again = start(t, ["server", data]);
  const second = start(t, ["push", await urlOf(again), made.dir]);
  assert.equal(await second.ended, 0, second.output());
  const sent = Number(/progress \d+ (\d+)\n(?!.*progress)/s.exec(second.output())?.[1]);
  assert.ok(sent <= (SIZE * 3) / 4 + 4 * PART, `${sent} bytes were sent again`);
  const hex = digestOf(made).slice("sha256:".length);
  await assertWhole(join(data, "blobs", hex.slice(0, 2), hex), digestOf(made));
});

async function largePackage(t: TestContext): Promise<TestPackage> {
  const made = await makePackage(t, { "data/large.bin": randomBytes(SIZE) });
  await writeFile(join(made.dir, "manifest.json"), JSON.stringify(made.manifest));
  return made;
}

function digestOf({ manifest }: TestPackage): `sha256:${string}` {
  return manifest.files.find(([, path]) => path === "data/large.bin")?.[2] as `sha256:${string}`;
}

async function assertWhole(file: string, digest: string): Promise<void> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(file)) hash.update(piece as Buffer);
  assert.equal(`sha256:${hash.digest("hex")}`, digest);
}

interface Started {
  child: ChildProcess;
  output(): string;
  ended: Promise<number | null>;
}

function start(t: TestContext, args: string[]): Started {
  const child = spawn(process.execPath, ["--import", "tsx", CHILD, ...args]);
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (piece: Buffer) => (output += piece.toString()));
  const ended = once(child, "close").then(([code]) => code as number | null);
  t.after(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  return { child, output: () => output, ended };
}

const acknowledged = (output: string): number =>
  Number([...output.matchAll(/progress (\d+)/g)].at(-1)?.[1] ?? 0);

function urlOf(server: Started): Promise<string> {
  return until(() => /listening (\S+)/.exec(server.output())?.[1], { timeout: 20_000 });
}
