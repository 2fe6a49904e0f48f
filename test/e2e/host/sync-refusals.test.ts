// What a host makes of a watcher that is wrong, or is no watcher: nothing of it runs, and what served goes on.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { it, type TestContext } from "node:test";
import { type DevelopmentState, SYNC_TYPE, type SyncAnswer } from "../../../src/protocol/development.ts";
import type { FileEntry, PackageManifest } from "../../../src/protocol/manifest.ts";
import { manifestOf } from "../../../src/pack/pack-package.ts";
import { startTestHost, type TestHost } from "../../helpers/test-host.ts";
import { until } from "../../helpers/until.ts";
import { watchProject } from "../../helpers/watched-project.ts";

const SESSION = "wat_of_the_test";

/** A live development deployment whose watcher has gone, and a lease of the test's own. */
async function leased(t: TestContext, name: string) {
  const host = await startTestHost(t);
  const watched = await watchProject(t, host, name);
  await watched.told("live");
  watched.cli().kill("SIGTERM");
  await watched.cli().exited;
  const file = join(watched.project.dir, ".purlin/package/purlin.json");
  const manifest = JSON.parse(await readFile(file, "utf8")) as PackageManifest;
  const path = `/v1/models/${name}/development`;
  const gone = new AbortController();
  t.after(() => gone.abort());
  const lease = await host.fetch(`${path}/watch`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ session: SESSION, name: "the test" }),
    signal: gone.signal,
  });
  assert.equal(lease.status, 200);
  return { ...watched, host, manifest, path, hangUp: () => gone.abort() };
}

async function sync(host: TestHost, path: string, head: object, files: readonly string[] = []) {
  const text = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  const body = Buffer.concat([length, text, ...files.map((file) => Buffer.from(file))]);
  const answer = await host.fetch(`${path}/sync`, {
    method: "POST",
    headers: { "content-type": SYNC_TYPE },
    body,
  });
  return { status: answer.status, body: (await answer.json()) as { code?: string } & Partial<SyncAnswer> };
}

it("a sync that lies is refused by name, and what was live stays live", async (t) => {
  const { host, path, manifest, state, ask } = await leased(t, "lied-to");
  const before = await state();
  const content = "export class Model { predict() { return { version: 'stolen' }; } }\n";
  const digest = `sha256:${createHash("sha256").update(content).digest("hex")}` as const;
  const delta = (over: object): object => ({
    session: SESSION,
    base: manifest.package,
    target: `sha256:${"0".repeat(64)}`,
    about: { runtime_version: manifest.runtime_version, entry: manifest.entry },
    put: [],
    delete: [],
    inline: [],
    kind: "methods",
    live: manifest.package,
    anew: false,
    reason: "a lie",
    ...over,
  });
  const model: FileEntry = ["code", "code/model.mjs", digest, content.length, "644"];
  const withFile = (entry: FileEntry): PackageManifest => {
    const files = [...manifest.files.filter(([, name]) => name !== entry[1]), entry];
    return manifestOf(files, {
      modelName: manifest.model_name,
      target: manifest.target,
      runtimeVersion: manifest.runtime_version,
      className: manifest.entry.class_name,
      source: manifest.entry.source,
    });
  };
  const cases: [string, object, string[], string][] = [
    ["not the lease's session", delta({ session: "another" }), [], "WATCH_LOST"],
    ["another base", delta({ base: `sha256:${"1".repeat(64)}` }), [], "STALE_BASE"],
    ["another target than comes of it", delta({ put: [model] }), [], "STALE_BASE"],
    [
      "bytes that are not those of the digest",
      delta({ put: [model], target: withFile(model).package, inline: [[digest, 4]] }),
      ["lies"],
      "DIGEST_MISMATCH",
    ],
    [
      "a file that nobody has sent",
      delta({ put: [model], target: withFile(model).package }),
      [],
      "MISSING_FILES",
    ],
    [
      "a size that is not the file's",
      delta({
        put: [["code", "code/model.mjs", digest, 1, "644"]],
        target: withFile(["code", "code/model.mjs", digest, 1, "644"]).package,
        inline: [[digest, content.length]],
      }),
      [content],
      "BAD_MANIFEST",
    ],
    ...["code/../../../escaped", "/etc/escaped", "code/a\\b", "code/./x"].map(
      (name): [string, object, string[], string] => {
        const entry: FileEntry = ["code", name, digest, content.length, "644"];
        const put = { put: [entry], target: withFile(entry).package, inline: [[digest, content.length]] };
        return [`the path ${name}`, delta(put), [content], "BAD_PATH"];
      },
    ),
    [
      "a whole manifest of another model",
      delta({ base: null, manifest: { ...manifest, model_name: "other" } }),
      [],
      "MANIFEST_MISMATCH",
    ],
    ["no manifest at all", delta({ base: null }), [], "BAD_MANIFEST"],
  ];
  for (const [what, head, files, code] of cases) {
    const answer = await sync(host, path, head, files);
    assert.equal(answer.body.code, code, `${what}: ${answer.status} ${JSON.stringify(answer.body)}`);
  }
  const after = await state();
  assert.deepEqual([after.head, after.active, after.loading], [before.head, before.active, false]);
  assert.equal((await ask())["version"], 1);
});

it("methods that cannot be put on what runs are loaded beside it, whatever the watcher says", async (t) => {
  const { host, path, manifest, ask } = await leased(t, "claimed");
  const before = host.models();
  const words = "words that the instance has not seen";
  const digest = `sha256:${createHash("sha256").update(words).digest("hex")}` as const;
  const entry: FileEntry = ["data", "data/words.txt", digest, words.length, "644"];
  const next = manifestOf([...manifest.files, entry], {
    modelName: manifest.model_name,
    target: manifest.target,
    runtimeVersion: manifest.runtime_version,
    className: manifest.entry.class_name,
    source: manifest.entry.source,
  });
  const answer = await sync(
    host,
    path,
    {
      session: SESSION,
      base: manifest.package,
      target: next.package,
      about: { runtime_version: manifest.runtime_version, entry: manifest.entry },
      put: [entry],
      delete: [],
      inline: [[digest, words.length]],
      kind: "methods",
      live: manifest.package,
      anew: false,
      reason: "said to be methods",
    },
    [words],
  );
  assert.equal(answer.body.kind, "process", JSON.stringify(answer.body));
  assert.equal((answer.body.state as DevelopmentState).active, next.package);
  assert.equal((await ask())["version"], 1);
  // Numbers as the host sees them: in its sandbox each has the same.
  await until(() => host.models().length === 1 && host.models()[0] !== before[0], {
    what: "another process to be what is left",
  });
});

it("a lease goes with its connection, and a key for another model gets none", async (t) => {
  const { host, path, state, hangUp } = await leased(t, "held");
  await until(async () => (await state()).watcher?.name === "the test");
  const { key } = await host.ok<{ key: string }>([
    "keys",
    "create",
    "ci",
    "--scope",
    "deploy",
    "--models",
    "other",
  ]);
  const stranger = await host.fetch(path, { key });
  assert.equal(stranger.status, 403);
  const ask = async (session: string): Promise<Response> =>
    host.fetch(`${path}/watch`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ session, name: "a second" }),
      signal: AbortSignal.timeout(10_000),
    });
  const refused = await ask("second");
  assert.equal(refused.status, 409);
  assert.equal(((await refused.json()) as { code: string }).code, "WATCH_CONFLICT");
  hangUp();
  await until(async () => (await state()).watcher === null, { what: "the lease to be free" });
  const taken = await ask("second");
  assert.equal(taken.status, 200);
  await taken.body?.cancel();
});
