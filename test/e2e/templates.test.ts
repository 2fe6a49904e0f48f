import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { editFile } from "../helpers/edit-file.ts";
import { installPackages } from "../helpers/install-packages.ts";
import { ROOT } from "../helpers/source-files.ts";
import { execCli, spawnCli } from "../helpers/spawn-cli.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";
import { checkChat, checkChatAbort } from "./templates/check-chat.ts";
import { checkLanguage } from "./templates/check-language.ts";
import { checkMinimal } from "./templates/check-minimal.ts";
import { checkOnnx } from "./templates/check-onnx.ts";
import { checkTyped } from "./templates/check-typed.ts";
import { checkVoice } from "./templates/check-voice.ts";
import type { TemplateCheck } from "./templates/served-template.ts";

const CHECKS: Record<string, TemplateCheck> = {
  minimal: checkMinimal,
  onnx: checkOnnx,
  language: checkLanguage,
  chat: checkChat,
  voice: checkVoice,
  typed: checkTyped,
};

test("each template has a check here", async () => {
  const entries = await readdir(join(ROOT, "templates"), { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  assert.deepEqual(names.sort(), Object.keys(CHECKS).sort());
});

for (const [name, check] of Object.entries(CHECKS)) {
  test(`template ${name}: init, install, type-check, build, serve`, async (t) => {
    const projectDir = await scaffold(t, name);
    await installPackages(projectDir);
    await t.test("type-checks", () => typeCheck(projectDir));
    const packageDir = await build(t, projectDir);
    if (name !== "voice") await t.test("its examples hold", () => runExamples(t, projectDir));
    await check(t, { url: await serveElsewhere(t, packageDir), projectDir });
  });
}

test("template chat: an answer that nobody waits for ends", async (t) => {
  const projectDir = await scaffold(t, "chat");
  const config = join(projectDir, "config.yaml");
  await editFile(config, "tokens_per_second: 100", "tokens_per_second: 2");
  // At this pace they would take their time.
  await editFile(config, /^examples:[\s\S]*/m, "");
  const packageDir = await build(t, projectDir);
  await checkChatAbort(t, { url: await serveElsewhere(t, packageDir), projectDir });
});

async function scaffold(t: TestContext, template: string): Promise<string> {
  // Names of real life: the path has a space and an umlaut in it.
  const dir = join(await tmpDir(t), "mein schönes projekt");
  await cli(t, ["init", dir, "--template", template, "--name", `a-${template}`, "--yes"]);
  return dir;
}

async function typeCheck(projectDir: string): Promise<void> {
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  await promisify(execFile)(process.execPath, [tsc, "-p", projectDir]).catch(
    (error: Error & { stdout?: string }) => assert.fail(error.stdout ?? error.message),
  );
}

async function build(t: TestContext, projectDir: string): Promise<string> {
  const output = await cli(t, ["build", projectDir, "--verify", "--json"]);
  const { path, warnings } = JSON.parse(output) as { path: string; warnings: unknown[] };
  assert.deepEqual(warnings, []);
  return path;
}

async function runExamples(t: TestContext, projectDir: string): Promise<void> {
  await cli(t, ["test", projectDir]);
}

/** Moved out of its project first: what is served is the package, with nothing to fall back on. */
async function serveElsewhere(t: TestContext, packageDir: string): Promise<string> {
  const moved = join(await tmpDir(t), "package");
  await mkdir(join(moved, ".."), { recursive: true });
  await rename(packageDir, moved);
  const serve = spawnCli(t, ["serve", moved, "--port", "0"], { cwd: join(moved, "..") });
  const [, url] = await serve.waitFor(/^listening on (http:\S+)$/m);
  await serve.waitFor(/^ready$/m, { timeout: 60_000 });
  assert.ok(url);
  return url;
}

async function cli(t: TestContext, args: string[]): Promise<string> {
  const { code, stdout, stderr } = await execCli(t, args, { cwd: ROOT });
  assert.equal(code, 0, `purlin ${args.join(" ")}\n${stderr}\n${stdout}`);
  return stdout;
}
