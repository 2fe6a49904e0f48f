import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { commandsIn, readDoc, section } from "../helpers/read-doc.ts";
import { spawnCli } from "../helpers/spawn-cli.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";

const README = readDoc("README.md");

describe("the README", () => {
  it("shows exactly the two commands for a fresh clone first", () => {
    const scripts = (
      JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { scripts: object }
    ).scripts;
    assert.deepEqual(commandsIn(README).slice(0, 2), ["npm run quickstart", "npm test"]);
    for (const name of ["quickstart", "test", "bench"]) assert.ok(name in scripts);
  });

  it("its five minutes work as they are typed", async (t) => {
    const dir = await tmpDir(t);
    const commands = commandsIn(section(README, "Five minutes"));
    // Packing and installing the tarball is what test/e2e/npm-pack.test.ts does.
    assert.deepEqual(commands.splice(0, 2), ["npm pack", "npm install --global ./purlin-0.1.0.tgz"]);
    let cwd = dir;
    let url = "";
    for (const command of commands) {
      const [name = "", ...args] = words(command);
      if (name === "cd") cwd = join(cwd, args[0] ?? "");
      else if (name === "curl") {
        const response = await fetch(`${url}/predict`, { method: "POST", body: args.at(-1) ?? "" });
        assert.equal(((await response.json()) as { words: number }).words, 2);
      } else {
        assert.equal(name, "purlin", command);
        const typed = args.map((arg) => (arg === "http://127.0.0.1:8080" ? url : arg));
        if (args[0] === "serve") {
          const server = spawnCli(t, [...typed, "--port", "0"], { cwd });
          url = (await server.waitFor(/listening on (\S+)/))[1] ?? "";
          await server.waitFor(/^ready$/m);
          continue;
        }
        const cli = spawnCli(t, typed, { cwd });
        assert.equal((await cli.exited).code, 0, `${command}\n${cli.stderr()}`);
        if (args[0] === "predict") assert.match(cli.stdout(), /"words": ?2/);
      }
    }
  });
});

describe("deploying as the README tells it", () => {
  it("its commands work as they are typed, on a host of their own", async (t) => {
    const root = await tmpDir(t);
    const env = { PURLIN_HOME: join(root, "home"), PURLIN_API_URL: undefined, PURLIN_API_KEY: undefined };
    const dir = join(root, "my-model");
    const run = async (command: string): Promise<string> => {
      const [name, ...args] = words(command);
      assert.equal(name, "purlin", command);
      const cli = spawnCli(t, args, { cwd: dir, env });
      assert.equal((await cli.exited).code, 0, `${command}\n${cli.stdout()}${cli.stderr()}`);
      return cli.stdout();
    };
    const init = spawnCli(t, ["init", dir], { cwd: root, env });
    assert.equal((await init.exited).code, 0, init.stderr());
    const [first = "", ...commands] = commandsIn(section(README, "Deploy"));
    assert.match(first, /^purlin host --port \d+$/);
    const host = spawnCli(t, ["host", "--port", "0"], { cwd: root, env });
    await host.waitFor(/listening on (\S+)/);
    for (const command of commands) {
      // The story has an edit before the second push.
      if (command.includes("--message")) {
        const file = join(dir, "model/model.ts");
        writeFileSync(file, `${readFileSync(file, "utf8")}\nexport const edited = true;\n`);
      }
      const output = await run(command);
      if (command.includes(" predict ")) assert.match(output, /"words": ?2/);
      if (command.includes(" status ")) assert.match(output, /ACTIVE/);
    }
    host.kill();
    assert.equal((await host.exited).code, 0, host.stderr());
  });
});

describe("watching as the README tells it", () => {
  it("its commands work as they are typed", async (t) => {
    const root = await tmpDir(t);
    const env = { PURLIN_HOME: join(root, "home"), PURLIN_API_URL: undefined, PURLIN_API_KEY: undefined };
    const dir = join(root, "my-model");
    const init = spawnCli(t, ["init", dir], { cwd: root, env });
    assert.equal((await init.exited).code, 0, init.stderr());
    const host = spawnCli(t, ["host", "--port", "0"], { cwd: root, env });
    await host.waitFor(/listening on (\S+)/);
    const [watching = "", asking = "", ...more] = commandsIn(section(README, "Watch"));
    assert.deepEqual(more, []);
    const watch = spawnCli(t, words(watching).slice(1), { cwd: dir, env });
    await watch.waitFor(/live at http/);
    const ask = spawnCli(t, words(asking).slice(1), { cwd: dir, env });
    assert.equal((await ask.exited).code, 0, ask.stderr());
    assert.match(ask.stdout(), /"words": ?2/);
    watch.kill();
    assert.equal((await watch.exited).code, 0, watch.stderr());
    host.kill();
    assert.equal((await host.exited).code, 0, host.stderr());
  });
});

/** Words of a shell line with simple quotes. */
function words(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, plain]) => single ?? double ?? plain ?? "",
  );
}
