import assert from "node:assert/strict";
import { chmod, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { isAppError } from "../../src/errors.ts";
import { readRemotes, writeRemotes } from "../../src/remotes/remotes-file.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";

const TEAM = { url: "https://team.example", key: "plk_team" };

describe("the file with the remotes", () => {
  it("is read as it was written, for this user alone, and leaves nothing beside it", async (t) => {
    const home = join(await tmpDir(t), "not yet there");
    const env = { PURLIN_HOME: home };
    assert.deepEqual(readRemotes(env), { current: null, remotes: new Map() });
    const file = { current: "team", remotes: new Map([["team", TEAM]]) };
    writeRemotes(env, file);
    assert.deepEqual(readRemotes(env), file);
    assert.equal((await stat(home)).mode & 0o777, 0o700);
    assert.equal((await stat(join(home, "remotes.json"))).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(home), ["remotes.json"]);
  });

  it("holds names that every object has already", async (t) => {
    const env = { PURLIN_HOME: await tmpDir(t) };
    const remotes = new Map(["constructor", "__proto__"].map((name) => [name, TEAM]));
    writeRemotes(env, { current: "__proto__", remotes });
    assert.deepEqual(readRemotes(env), { current: "__proto__", remotes });
  });

  it("that others can read is refused, with the command that mends it", async (t) => {
    const home = await tmpDir(t);
    const env = { PURLIN_HOME: home };
    writeRemotes(env, { current: null, remotes: new Map([["team", TEAM]]) });
    const path = join(home, "remotes.json");
    await chmod(path, 0o644);
    assert.throws(
      () => readRemotes(env),
      (error) =>
        isAppError(error) && error.code === "REMOTE_INVALID" && error.hint?.includes(`chmod 600 ${path}`),
    );
  });

  for (const text of [
    "",
    "{",
    "null",
    "[]",
    "{}",
    '{"remotes":{"a":"http://x"}}',
    '{"remotes":{"a":{"key":null}}}',
  ]) {
    it(`with ${JSON.stringify(text)} in it is damaged, which is said and not taken for a bug`, async (t) => {
      const home = await tmpDir(t);
      const path = join(home, "remotes.json");
      await writeFile(path, text, { mode: 0o600 });
      assert.throws(
        () => readRemotes({ PURLIN_HOME: home }),
        (error) => isAppError(error) && error.code === "REMOTE_INVALID" && error.message.includes(path),
      );
      assert.equal(await readFile(path, "utf8"), text, "what is there is left for a person to look at");
    });
  }
});
