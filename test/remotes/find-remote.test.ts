import assert from "node:assert/strict";
import { once } from "node:events";
import { spawn } from "node:child_process";
import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { isAppError } from "../../src/errors.ts";
import { findRemote } from "../../src/remotes/find-remote.ts";
import { readLocalHost, removeLocalHost, writeLocalHost } from "../../src/remotes/local-host.ts";
import { writeRemotes } from "../../src/remotes/remotes-file.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";

const LOCAL = { url: "http://127.0.0.1:4700", key: "plk_local", pid: process.pid };
const TEAM = { url: "https://team.example/models", key: "plk_team" };
const OTHER = { url: "https://other.example", key: null };

const isNone = (hint: RegExp) => (error: unknown) =>
  isAppError(error) && error.code === "NO_REMOTE" && hint.test(error.hint ?? "");

describe("which deployment server is meant", () => {
  it("the named one, else PURLIN_API_URL, else the one in use, else the host of this machine, else an error that says what to type", async (t) => {
    const env = { PURLIN_HOME: await tmpDir(t) };
    assert.throws(() => findRemote(undefined, env), isNone(/purlin host/));
    writeLocalHost(env, LOCAL);
    assert.deepEqual(findRemote(undefined, env), { name: "this machine", url: LOCAL.url, key: LOCAL.key });
    const remotes = new Map(Object.entries({ team: TEAM, other: OTHER }));
    writeRemotes(env, { current: null, remotes });
    assert.equal(findRemote(undefined, env).name, "this machine");
    writeRemotes(env, { current: "team", remotes });
    assert.deepEqual(findRemote(undefined, env), { name: "team", ...TEAM });
    const set = { ...env, PURLIN_API_URL: "http://127.0.0.1:1/" };
    assert.deepEqual(findRemote(undefined, set), {
      name: "PURLIN_API_URL",
      url: "http://127.0.0.1:1",
      key: null,
    });
    assert.deepEqual(findRemote("other", set), { name: "other", ...OTHER });
    assert.throws(() => findRemote("taem", set), isNone(/Did you mean team\?/));
    assert.throws(() => findRemote("constructor", set), isNone(/purlin remote add constructor URL/));
  });

  it("PURLIN_API_KEY wins over every key that is kept, without the line feed of its file", async (t) => {
    const env = { PURLIN_HOME: await tmpDir(t), PURLIN_API_KEY: "plk_given\n" };
    writeLocalHost(env, LOCAL);
    writeRemotes(env, { current: null, remotes: new Map([["team", TEAM]]) });
    assert.equal(findRemote(undefined, env).key, "plk_given");
    assert.equal(findRemote("team", env).key, "plk_given");
    assert.equal(findRemote("team", { ...env, PURLIN_API_KEY: " " }).key, TEAM.key);
  });

  for (const url of ["host.example:4700", "ftp://host.example", "http://user@host.example", "http://"]) {
    it(`PURLIN_API_URL=${url} is refused as wrong input`, async (t) => {
      const env = { PURLIN_HOME: await tmpDir(t), PURLIN_API_URL: url };
      assert.throws(
        () => findRemote(undefined, env),
        (error) => isAppError(error) && error.code === "INPUT_INVALID",
      );
    });
  }
});

describe("the host of this machine", () => {
  it("is told to its user alone, and is forgotten by the one that wrote it", async (t) => {
    const env = { PURLIN_HOME: await tmpDir(t) };
    writeLocalHost(env, LOCAL);
    assert.equal((await stat(join(env.PURLIN_HOME, "host.json"))).mode & 0o777, 0o600);
    assert.deepEqual(readLocalHost(env), LOCAL);
    removeLocalHost(env);
    assert.equal(readLocalHost(env), null);
    const parent = { ...LOCAL, pid: process.ppid };
    writeLocalHost(env, parent);
    removeLocalHost(env);
    assert.deepEqual(readLocalHost(env), parent, "another host has been started meanwhile");
  });

  it("counts for nothing once its process is dead, or where its file is damaged", async (t) => {
    const env = { PURLIN_HOME: await tmpDir(t) };
    const ended = spawn(process.execPath, ["-e", ""]);
    await once(ended, "exit");
    writeLocalHost(env, { ...LOCAL, pid: ended.pid as number });
    assert.equal(readLocalHost(env), null);
    assert.throws(() => findRemote(undefined, env), isNone(/purlin host/));
    for (const text of ["", "null", "{}"]) {
      await writeFile(join(env.PURLIN_HOME, "host.json"), text);
      assert.equal(readLocalHost(env), null, text);
    }
  });
});
