import assert from "node:assert/strict";
import { appendFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { LogLine } from "../../../src/protocol/host-api.ts";
import type { Store } from "../../../src/server/store/store.ts";
import { until } from "../../helpers/until.ts";
import { HOUR, testStore } from "./test-store.ts";

function say(
  store: Store,
  message: string,
  more: { deployment?: string; level?: string; request_id?: string } = {},
): void {
  store.logs.append({
    model: "m",
    deployment: "dep_1",
    replica: "r",
    at: new Date().toISOString(),
    level: "info",
    message,
    ...more,
  });
}

const said = (lines: readonly LogLine[]): string[] => lines.map(({ message }) => message);

function sizeOf(store: Store): number {
  const dir = join(store.dir, "logs", "m");
  return readdirSync(dir).reduce((sum, name) => sum + statSync(join(dir, name)).size, 0);
}

/** Until what waits is on the disk, again and again: a flood that the disk keeps up with. */
async function sayMuch(store: Store, count: number, length: number): Promise<void> {
  for (let at = 0; at < count; at++) {
    say(store, `${at} ${"x".repeat(length)}`);
    if (at % 100 === 99) await store.logs.read({ model: "m", limit: 1 });
  }
}

test("lines come back oldest first, by deployment, level, request and text, the newest so many", async (t) => {
  const { store } = await testStore(t);
  say(store, "one");
  say(store, "two", { deployment: "dep_2", level: "error" });
  say(store, "three", { request_id: "req_3", level: "warn" });
  say(store, "four", { level: "debug" });
  const read = async (query: object): Promise<string[]> =>
    said(await store.logs.read({ model: "m", ...query }));
  assert.deepEqual(await read({}), ["one", "two", "three", "four"]);
  assert.deepEqual(await read({ deployments: ["dep_1"] }), ["one", "three", "four"]);
  assert.deepEqual(await read({ level: "warn" }), ["two", "three"]);
  assert.deepEqual(await read({ requestId: "req_3" }), ["three"]);
  assert.deepEqual(
    await read({ contains: "o" }),
    ["one", "two", "three", "four"].filter((text) => /o/.test(text) || text === "three"),
  );
  assert.deepEqual(await read({ limit: 2 }), ["three", "four"]);
  assert.deepEqual(said(await store.logs.read({ model: "other" })), []);
});

test("a cursor goes on where it was after a restart, even with the clock set back", async (t) => {
  const first = await testStore(t);
  first.clock.ahead = 10 * HOUR;
  say(first.store, "before");
  const [{ cursor } = { cursor: "" }] = await first.store.logs.read({ model: "m" });
  await first.store.close();
  const { store } = await testStore(t, { dir: first.store.dir });
  say(store, "after");
  assert.deepEqual(said(await store.logs.read({ model: "m", cursor })), ["after"]);
  const seen: string[] = [];
  t.after(store.logs.follow({ model: "m", cursor }, ({ message }) => seen.push(message)));
  await until(() => seen.length > 0);
  assert.deepEqual(seen, ["after"]);
});

test("half a line that a killed host left costs that line alone", async (t) => {
  const first = await testStore(t);
  say(first.store, "before");
  await first.store.close();
  appendFileSync(join(first.store.dir, "logs", "m", "dep_1.ndjson"), '{"message":"ha');
  const { store } = await testStore(t, { dir: first.store.dir });
  say(store, "after");
  assert.deepEqual(said(await store.logs.read({ model: "m" })), ["before", "after"]);
});

test("a deployment's log is bounded; the newest lines are there, a cursor reads over the change of files", async (t) => {
  const { store } = await testStore(t);
  await sayMuch(store, 3000, 5000);
  assert.ok(sizeOf(store) < 10 * 1024 * 1024, `${sizeOf(store)} bytes`);
  const lines = await store.logs.read({ model: "m" });
  const numbers = lines.map(({ message }) => Number.parseInt(message, 10));
  assert.equal(numbers.at(-1), 2999);
  assert.ok(numbers.length > 800, "both files are read");
  assert.deepEqual(
    numbers,
    numbers.map((_, at) => 3000 - numbers.length + at),
  );
  const cursor = lines.at(-700)?.cursor ?? "";
  assert.equal((await store.logs.read({ model: "m", cursor })).length, 699);
});

test("a flood is thinned, never waited for, and how much was dropped is told", async (t) => {
  const { store } = await testStore(t);
  const started = performance.now();
  for (let at = 0; at < 20_000; at++) say(store, `${at} ${"x".repeat(500)}`);
  assert.ok(performance.now() - started < 2000);
  await store.logs.read({ model: "m", limit: 1 });
  say(store, "the end");
  const lines = said(await store.logs.read({ model: "m" }));
  assert.equal(lines.at(-1), "the end");
  const told = lines.find((line) => line.includes("dropped")) ?? "";
  const kept = lines.filter((line) => /^\d+ x/.test(line)).length;
  assert.equal(Number.parseInt(told, 10) + kept, 20_000);
});

test("a line as long as a file is cut", async (t) => {
  const { store } = await testStore(t);
  say(store, "x".repeat(10 * 1024 * 1024));
  const [line] = await store.logs.read({ model: "m" });
  assert.match(line?.message ?? "", /^x+ \.\.\. \(10485760 characters\)$/);
  assert.ok(sizeOf(store) < 100 * 1024);
});

test("who follows sees each line once and in order, from a cursor on, and none after the end", async (t) => {
  const { store } = await testStore(t);
  for (let at = 0; at < 50; at++) say(store, String(at));
  const seen: string[] = [];
  const end = store.logs.follow({ model: "m", cursor: "0" }, ({ message }) => seen.push(message));
  const errors: string[] = [];
  t.after(store.logs.follow({ model: "m", level: "error" }, ({ message }) => errors.push(message)));
  for (let at = 50; at < 100; at++) say(store, String(at), { level: at === 70 ? "error" : "info" });
  await until(() => seen.length >= 100);
  end();
  say(store, "unheard");
  assert.deepEqual(
    seen,
    Array.from({ length: 100 }, (_, at) => String(at)),
  );
  assert.deepEqual(errors, ["70"]);
});

test("logs of a deployment that failed stay with those of the newest; older ones go", async (t) => {
  const { store } = await testStore(t);
  const add = store.db.prepare(
    "INSERT INTO deployments (id, model, environment, package, state, created_at, created_by) VALUES (?, 'm', 'production', 'p', ?, ?, 'k')",
  );
  for (let at = 0; at < 12; at++) {
    const id = `dep_${at}`;
    add.run(id, at === 5 ? "FAILED" : "SUPERSEDED", new Date(at * 1000).toISOString());
    say(store, id, { deployment: id });
  }
  await store.logs.read({ model: "m" });
  await store.collectGarbage();
  const kept = said(await store.logs.read({ model: "m" }));
  assert.deepEqual(kept, [
    "dep_1",
    "dep_2",
    "dep_3",
    "dep_4",
    "dep_5",
    "dep_6",
    "dep_7",
    "dep_8",
    "dep_9",
    "dep_10",
    "dep_11",
  ]);
});
