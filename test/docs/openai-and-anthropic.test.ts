// The code of the guide to OpenAI and Anthropic clients, as it stands there: against `purlin serve` and through a host.
import assert from "node:assert/strict";
import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test, type TestContext } from "node:test";
import Anthropic, { AuthenticationError } from "@anthropic-ai/sdk";
import OpenAI, { BadRequestError, NotFoundError } from "openai";
import { makeProject } from "../helpers/build-project.ts";
import { codeBlock, readDoc } from "../helpers/read-doc.ts";
import { makeTree } from "../helpers/make-tree.ts";
import { execCli, spawnCli } from "../helpers/spawn-cli.ts";
import { startTestHost } from "../helpers/test-host.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";

const ROOT = new URL("../../", import.meta.url);
const PAGE = readDoc("guides/openai-and-anthropic.md");
const SAID = "GRÜEZI [ 4, 0.5 ] [ { type: 'text', text: 'GRÜEZI' } ]\n";

const block = (file: string): string => codeBlock(PAGE, `ts ${file}`);

const makeCaps = (t: TestContext): Promise<string> =>
  makeProject(t, { "config.yaml": "model_name: caps\n", "model/model.ts": block("model/model.ts") });

async function runClient(t: TestContext, url: string, key: string): Promise<string> {
  const dir = await tmpDir(t);
  const code = block("client.ts").replaceAll("http://127.0.0.1:8080", url).replaceAll('"-"', `"${key}"`);
  assert.equal(code.split(url).length, 3, "the block names the address twice");
  await makeTree(dir, { "client.ts": code, "package.json": '{"type":"module"}' });
  await symlink(fileURLToPath(new URL("node_modules", ROOT)), join(dir, "node_modules"));
  const command: [string, ...string[]] = [process.execPath, "--import", "tsx", "client.ts"];
  const { code: exit, stdout, stderr } = await execCli(t, [], { cwd: dir, command });
  assert.equal(exit, 0, stderr);
  return stdout;
}

test("the model and the client of the guide work as they stand there", async (t) => {
  const dir = await makeCaps(t);
  const serve = spawnCli(t, ["serve", dir, "--port", "0"], { cwd: dir });
  const [, url = ""] = await serve.waitFor(/listening on (\S+)/);
  await serve.waitFor(/^ready$/m);
  assert.equal(await runClient(t, url, "-"), SAID);
});

test("through a host: found by the model's name, let in by the key that each client sends in its own way", async (t) => {
  const host = await startTestHost(t);
  await host.ok(["remote", "add", "here", host.url]);
  const dir = await makeCaps(t);
  await host.ok(["push", dir]);
  assert.equal(await runClient(t, host.url, host.key), SAID);

  const messages = [{ role: "user" as const, content: "" }];
  const openai = new OpenAI({ baseURL: `${host.url}/v1`, apiKey: host.key, maxRetries: 0 });
  await assert.rejects(openai.chat.completions.create({ model: "caps", messages }), (error) => {
    assert.ok(error instanceof BadRequestError);
    assert.deepEqual([error.code, error.type], ["EMPTY", "invalid_request_error"]);
    return true;
  });
  await assert.rejects(openai.chat.completions.create({ model: "none", messages }), NotFoundError);
  const stranger = new Anthropic({ baseURL: host.url, apiKey: "plk_wrong", maxRetries: 0 });
  await assert.rejects(
    stranger.messages.create({ model: "caps", max_tokens: 1, messages }),
    AuthenticationError,
  );
});
