import assert from "node:assert/strict";
import { chmod, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { createAudit } from "../../../src/server/access/audit.ts";
import { createKeys } from "../../../src/server/access/keys.ts";
import { readMasterKey } from "../../../src/server/access/master-key.ts";
import { createSecrets } from "../../../src/server/access/secrets.ts";
import { openDatabase } from "../../../src/server/store/open-database.ts";
import { tmpDir } from "../../helpers/tmp-dir.ts";

async function database(t: TestContext) {
  const dir = await tmpDir(t);
  const file = join(dir, "state.db");
  const db = openDatabase(file);
  t.after(() => db.close());
  return { dir, file, db };
}

describe("keys", () => {
  it("are known by what they are, with their scope and models, until they are revoked; also after a restart", async (t) => {
    const { db } = await database(t);
    const keys = createKeys(db, "the-admin-key");
    assert.equal(keys.check("Bearer the-admin-key").scope, "admin");
    assert.equal(keys.check("Api-Key the-admin-key").scope, "admin");
    const made = keys.create({ name: "shop", scope: "invoke", models: ["a"] });
    assert.match(made.key, /^plk_[\w-]{43}$/);
    assert.deepEqual(keys.check(`bearer ${made.key}`).models, ["a"]);
    const again = createKeys(db, "another-admin-key");
    assert.equal(again.check(`Bearer ${made.key}`).name, "shop");
    assert.throws(() => again.check("Bearer the-admin-key"), { code: "UNAUTHENTICATED" });
    again.revoke(made.id);
    assert.throws(() => again.check(`Bearer ${made.key}`), { code: "UNAUTHENTICATED" });
    assert.throws(() => createKeys(db, "x").check(`Bearer ${made.key}`), { code: "UNAUTHENTICATED" });
    assert.throws(() => again.revoke("key_none"), { code: "NOT_FOUND" });
    for (const wrong of [undefined, "", "Bearer", "Basic abc", "Bearer a b"]) {
      assert.throws(() => keys.check(wrong), { code: "UNAUTHENTICATED" }, String(wrong));
    }
  });

  it("are nowhere on disk, and when one was used is written once a minute", async (t) => {
    const { db, file } = await database(t);
    const clock = { at: new Date("2026-01-01T00:00:00Z") };
    const keys = createKeys(db, "the-admin-key", () => clock.at);
    const { key, id } = keys.create({ name: "ci", scope: "deploy", models: null });
    const used = (): string | null | undefined => keys.list().find((each) => each.id === id)?.last_used_at;
    assert.equal(used(), null);
    keys.check(`Bearer ${key}`);
    assert.equal(used(), "2026-01-01T00:00:00.000Z");
    clock.at = new Date("2026-01-01T00:00:30Z");
    keys.check(`Bearer ${key}`);
    assert.equal(used(), "2026-01-01T00:00:00.000Z");
    clock.at = new Date("2026-01-01T00:02:00Z");
    keys.check(`Bearer ${key}`);
    assert.equal(used(), "2026-01-01T00:02:00.000Z");
    assert.doesNotMatch(JSON.stringify(keys.list()), new RegExp(key));
    for (const suffix of ["", "-wal"]) {
      const bytes = await readFile(file + suffix, "latin1").catch(() => "");
      assert.ok(!bytes.includes(key) && !bytes.includes("the-admin-key"));
    }
  });
});

describe("secrets", () => {
  it("come back as they were set, for those who name them, and are nowhere on disk", async (t) => {
    const { db, file } = await database(t);
    const key = Buffer.alloc(32, 7);
    const secrets = createSecrets(db, key);
    secrets.set("token", "värde-1234567890");
    secrets.set("other", "x");
    assert.deepEqual(secrets.valuesFor(["token", "missing"]), { token: "värde-1234567890" });
    secrets.set("token", "rotated");
    assert.deepEqual(createSecrets(db, key).valuesFor(["token"]), { token: "rotated" });
    secrets.remove("other");
    assert.throws(() => secrets.remove("other"), { code: "NOT_FOUND" });
    assert.deepEqual(
      secrets.list().map(({ name }) => name),
      ["token"],
    );
    for (const suffix of ["", "-wal"]) {
      const bytes = await readFile(file + suffix).catch(() => Buffer.alloc(0));
      assert.ok(!bytes.includes("värde-1234567890") && !bytes.includes("rotated"));
    }
  });

  it("another master key is told at the start; a value cannot be put under another name", async (t) => {
    const { db } = await database(t);
    const secrets = createSecrets(db, Buffer.alloc(32, 1));
    secrets.set("a", "of a");
    secrets.set("b", "of b");
    assert.throws(() => createSecrets(db, Buffer.alloc(32, 2)), { code: "HOST_DATA" });
    db.exec(
      "UPDATE secrets SET value = (SELECT value FROM secrets WHERE name = 'a'), nonce = (SELECT nonce FROM secrets WHERE name = 'a'), tag = (SELECT tag FROM secrets WHERE name = 'a') WHERE name = 'b'",
    );
    assert.throws(() => secrets.valuesFor(["b"]));
  });

  it("a lost master key matters only where something was encrypted with it", async (t) => {
    const { db } = await database(t);
    createSecrets(db, Buffer.alloc(32, 1));
    const secrets = createSecrets(db, Buffer.alloc(32, 2));
    secrets.set("a", "of a");
    assert.throws(() => createSecrets(db, Buffer.alloc(32, 1)), { code: "HOST_DATA" });
    secrets.remove("a");
    createSecrets(db, Buffer.alloc(32, 1)).set("b", "of b");
    assert.throws(() => createSecrets(db, Buffer.alloc(32, 2)), { code: "HOST_DATA" });
  });

  it("the master key is 64 digits, a passphrase, or a file for one user alone that is made at first", async (t) => {
    const { db, dir } = await database(t);
    const file = join(dir, "home", "host-master.key");
    const digits = "0f".repeat(32);
    assert.equal(Buffer.from(readMasterKey(db, digits, file)).toString("hex"), digits);
    const phrase = Buffer.from(readMasterKey(db, "correct horse", file)).toString("hex");
    assert.equal(phrase.length, 64);
    assert.equal(Buffer.from(readMasterKey(db, "correct horse", file)).toString("hex"), phrase);
    const made = Buffer.from(readMasterKey(db, undefined, file)).toString("hex");
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.equal(Buffer.from(readMasterKey(db, undefined, file)).toString("hex"), made);
    assert.deepEqual(await readdir(join(dir, "home")), ["host-master.key"]);
    for (const text of ["", "0f", `${digits}0f`, "z".repeat(64)]) {
      await writeFile(file, text);
      assert.throws(() => readMasterKey(db, undefined, file), { code: "HOST_DATA" }, text);
    }
    await chmod(file, 0o644);
    assert.throws(() => readMasterKey(db, undefined, file), { code: "HOST_DATA" });
  });
});

describe("the audit log", () => {
  it("keeps entries in order, newest first, and lets none be changed or removed", async (t) => {
    const { db } = await database(t);
    const audit = createAudit(db);
    for (let i = 0; i < 5; i++) {
      audit.append({
        key: "k",
        key_name: "ci",
        action: `act.${i}`,
        model: null,
        status: 200,
        request_id: "r",
        detail: { i },
      });
    }
    const [newest, next] = audit.list({ limit: 2 });
    assert.deepEqual([newest?.action, next?.action], ["act.4", "act.3"]);
    assert.deepEqual(newest?.detail, { i: 4 });
    assert.deepEqual(
      audit.list({ before: next?.id ?? 0 }).map(({ action }) => action),
      ["act.2", "act.1", "act.0"],
    );
    assert.throws(() => db.exec("UPDATE audit SET action = 'x'"), /append-only/);
    assert.throws(() => db.exec("DELETE FROM audit"), /append-only/);
  });
});
