import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { editFile } from "../helpers/edit-file.ts";
import { installPackages } from "../helpers/install-packages.ts";
import { ROOT } from "../helpers/source-files.ts";
import { checkChat, checkChatAbort } from "./templates/check-chat.ts";
import { checkLanguage } from "./templates/check-language.ts";
import { checkMinimal } from "./templates/check-minimal.ts";
import { checkOnnx } from "./templates/check-onnx.ts";
import { checkTyped } from "./templates/check-typed.ts";
import { checkVoice } from "./templates/check-voice.ts";
import type { TemplateCheck } from "./templates/served-template.ts";
import { build, cli, scaffold, serveElsewhere } from "./templates/template-project.ts";

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
    if (name !== "voice")
      await t.test("its examples hold", async () => void (await cli(t, ["test", projectDir])));
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

async function typeCheck(projectDir: string): Promise<void> {
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  await promisify(execFile)(process.execPath, [tsc, "-p", projectDir]).catch(
    (error: Error & { stdout?: string }) => assert.fail(error.stdout ?? error.message),
  );
}
