import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, utimesSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { create } from "tar";
import type { ActionEvent } from "../../src/events.ts";
import { targetPackages } from "../../src/pack/target-packages.ts";
import { parseTarget, type Target } from "../../src/protocol/target.ts";
import { makeTree } from "../helpers/make-tree.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";

const TARGET = parseTarget("linux-arm64-musl") as Target;
/** Writes down that it ran, and for which machine. */
const INSTALL = `const { npm_config_platform: os, npm_config_arch: cpu, npm_config_target_libc: libc } = process.env;
require("node:fs").writeFileSync("ran.json", JSON.stringify([os, cpu, libc]));`;

interface Made {
  dir: string;
  fetch(allowScripts?: string[]): Promise<string>;
  steps: string[];
}

/** A project with two packages that lie beside it as files, each with an install script: no registry is asked. */
async function project(t: TestContext, install = INSTALL): Promise<Made> {
  const root = await tmpDir(t);
  const dir = join(root, "project");
  await makeTree(dir, { "vendor/.keep": "", ".npmrc": "//registry.example/:_authToken=not-for-the-cache\n" });
  for (const name of ["loud", "quiet"]) {
    const source = join(root, name);
    await makeTree(join(source, "package"), {
      "package.json": JSON.stringify({ name, version: "1.0.0", scripts: { install: "node install.js" } }),
      "install.js": install,
    });
    await create({ file: join(dir, `vendor/${name}.tgz`), cwd: source, gzip: true }, ["package"]);
  }
  const dependencies = { loud: "file:vendor/loud.tgz", quiet: "file:vendor/quiet.tgz" };
  await writeFile(join(dir, "package.json"), JSON.stringify({ private: true, dependencies }));
  await promisify(execFile)("npm", ["install", "--package-lock-only", "--ignore-scripts", "--no-audit"], {
    cwd: dir,
  });
  const steps: string[] = [];
  const report = {
    emit: (event: ActionEvent) => void (event.type === "step" && steps.push(event.message)),
  };
  return {
    dir,
    steps,
    async fetch(allowScripts = []) {
      const options = {
        projectDir: dir,
        target: TARGET,
        allowScripts,
        cacheDir: join(root, "cache"),
        report,
      };
      return (await targetPackages(options)) as string;
    },
  };
}

const ranIn = async (place: string, name: string): Promise<unknown> => {
  const file = join(place, "node_modules", name, "ran.json");
  return existsSync(file) ? JSON.parse(await readFile(file, "utf8")) : null;
};

test("no install script runs but those that build.allow_scripts names, told of the target", async (t) => {
  const { fetch, steps } = await project(t);
  const none = await fetch();
  assert.equal(await ranIn(none, "loud"), null);
  assert.equal(await ranIn(none, "quiet"), null);
  const one = await fetch(["loud"]);
  assert.deepEqual(await ranIn(one, "loud"), ["linux", "arm64", "musl"]);
  assert.equal(await ranIn(one, "quiet"), null);
  assert.ok(steps.includes("running the install scripts of loud"), steps.join("\n"));
  assert.notEqual(one, none, "what scripts made is not taken for what none made");
});

test("packages are fetched once for a lock file; a token of .npmrc does not stay in the cache", async (t) => {
  const { dir, fetch, steps } = await project(t);
  const place = await fetch();
  assert.equal(await fetch(), place);
  assert.equal(steps.length, 1);
  assert.ok(existsSync(join(dir, ".npmrc")));
  assert.deepEqual(readdirSync(place).sort(), [
    "node_modules",
    "package-lock.json",
    "package.json",
    "vendor",
  ]);
  await writeFile(join(dir, "package.json"), `${await readFile(join(dir, "package.json"), "utf8")}\n`);
  assert.notEqual(await fetch(), place);
});

test("a script that fails is told with what it said, and nothing half made is kept", async (t) => {
  const { fetch } = await project(t, 'console.error("no binary for this machine"); process.exit(3);');
  await fetch();
  await assert.rejects(
    fetch(["quiet"]),
    (error: Error & { code: string; problems: { message: string }[] }) => {
      assert.equal(error.code, "NPM_FAILED");
      assert.match(error.message, /install script .* linux-arm64-musl/);
      assert.match(error.problems.map(({ message }) => message).join("\n"), /no binary for this machine/);
      return true;
    },
  );
  await assert.rejects(fetch(["quiet"]), { code: "NPM_FAILED" });
});

test("what no build has used for a month, and what a killed one has left, is removed by the next fetch", async (t) => {
  const { dir, fetch } = await project(t);
  const used = await fetch();
  const packages = dirname(used);
  const old = new Date(Date.now() - 31 * 24 * 60 * 60 * 1000);
  const { pid } = spawnSync(process.execPath, ["-e", "0"]);
  const left = [
    `linux-arm64-old`,
    `linux-arm64-key.${pid}-0123abcd`,
    `linux-x64-key.${process.pid}-0123abcd`,
  ];
  for (const name of left) mkdirSync(join(packages, name));
  for (const place of [used, join(packages, "linux-arm64-old")]) utimesSync(place, old, old);
  // Asked for again, it counts as used.
  assert.equal(await fetch(), used);
  await writeFile(join(dir, "package.json"), `${await readFile(join(dir, "package.json"), "utf8")}\n`);
  const other = await fetch();
  assert.deepEqual(readdirSync(packages).sort(), [basename(used), basename(other), left[2] ?? ""].sort());
});
