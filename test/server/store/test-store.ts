import { createHash } from "node:crypto";
import { join } from "node:path";
import { Readable } from "node:stream";
import type { TestContext } from "node:test";
import { sha256 } from "../../../src/pack/digest.ts";
import type { Digest, FileEntry, PackageManifest } from "../../../src/protocol/manifest.ts";
import { TRANSFER_LIMITS, type TransferLimits } from "../../../src/protocol/transfer.ts";
import { openStore } from "../../../src/server/store/open-store.ts";
import type { Store } from "../../../src/server/store/store.ts";
import { tmpDir } from "../../helpers/tmp-dir.ts";
import { manifestOf } from "../../helpers/transfer-server.ts";

export interface TestStore {
  store: Store;
  /** Milliseconds that the store's clock is ahead by. */
  clock: { ahead: number };
}

export const HOUR = 3600 * 1000;

export async function testStore(
  t: TestContext,
  options: { dir?: string; limits?: Partial<TransferLimits> } = {},
): Promise<TestStore> {
  const clock = { ahead: 0 };
  const store = openStore(options.dir ?? join(await tmpDir(t), "data"), {
    now: () => new Date(Date.now() + clock.ahead),
    limits: { ...TRANSFER_LIMITS, ...options.limits } as TransferLimits,
  });
  t.after(() => store.close());
  return { store, clock };
}

export const bytesOf = (text: string): { digest: Digest; bytes: Buffer } => ({
  digest: sha256(text),
  bytes: Buffer.from(text),
});

export async function write(store: Store, model: string, text: string): Promise<Digest> {
  const { digest, bytes } = bytesOf(text);
  await store.blobs.write(model, digest, bytes.length, bytes);
  return digest;
}

/** Sends one part as a client does. */
export function sendPart(store: Store, id: string, part: number, bytes: Uint8Array): Promise<void> {
  const sum = createHash("sha256").update(bytes).digest();
  return store.uploads.part("m", id, part, Readable.from([bytes]), sum);
}

export function packageOf(files: Record<string, string>, model = "m"): PackageManifest {
  const all = { "code/model.mjs": "export default class Model {}\n", ...files };
  return manifestOf(
    Object.entries(all).map(([path, text]): FileEntry => [
      path.split("/")[0] as FileEntry[0],
      path,
      sha256(text),
      Buffer.byteLength(text),
      path.endsWith(".sh") ? "755" : "644",
    ]),
    model,
  );
}

/** All of a push: what is missing is sent, then committed with a deployment that serves `environment`. */
export async function push(
  store: Store,
  files: Record<string, string>,
  { model = "m", environment = "production" } = {},
): Promise<PackageManifest> {
  const manifest = packageOf(files, model);
  const { push: opened, missing } = store.packages.openPush(model, manifest);
  const texts = ["export default class Model {}\n", ...Object.values(files)].map(bytesOf);
  await store.blobs.writeMany(
    model,
    texts.filter(({ digest }) => missing.includes(digest)),
  );
  store.packages.commit(opened, () => deploy(store, manifest, { model, environment }));
  return manifest;
}

export function deploy(
  { db }: Store,
  manifest: PackageManifest,
  { model = "m", environment = "production" } = {},
): string {
  const { count } = db.prepare("SELECT count(*) AS count FROM deployments").get() as { count: number };
  const id = `dep_${count + 1}`;
  // Of one millisecond there may be many: the number keeps them in order.
  const at = new Date(count * 1000).toISOString();
  db.prepare(
    "INSERT INTO deployments (id, model, environment, package, state, created_at, created_by) VALUES (?, ?, ?, ?, 'ACTIVE', ?, 'k')",
  ).run(id, model, environment, manifest.package, at);
  db.prepare(
    "INSERT INTO environments (model, name, desired, serving, updated_at) VALUES (?, ?, ?, ?, ?) " +
      "ON CONFLICT (model, name) DO UPDATE SET desired = excluded.desired, serving = excluded.serving",
  ).run(model, environment, id, id, at);
  return id;
}
