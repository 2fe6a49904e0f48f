import assert from "node:assert/strict";
import { appendFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import OpenAI from "openai";
import { editFile } from "../helpers/edit-file.ts";
import { installPackages } from "../helpers/install-packages.ts";
import { tinyGguf } from "../helpers/tiny-gguf.ts";
import { build, scaffold, serveElsewhere } from "./templates/template-project.ts";

const skip = process.env["PURLIN_TEST_LLAMA"] ? false : "PURLIN_TEST_LLAMA=1 runs it; it installs 700 MB";

test(
  "template chat: one line puts node-llama-cpp in the place of the built-in engine",
  { skip },
  async (t) => {
    const projectDir = await scaffold(t, "chat");
    const manifest = join(projectDir, "package.json");
    const json = JSON.parse(await readFile(manifest, "utf8")) as object;
    await writeFile(manifest, JSON.stringify({ ...json, dependencies: { "node-llama-cpp": "3.22.1" } }));
    await installPackages(projectDir);
    await writeFile(join(projectDir, "data/model.gguf"), tinyGguf());

    const config = join(projectDir, "config.yaml");
    await editFile(config, "gguf: null", "gguf: model.gguf");
    // The example with an output is the built-in engine's; what is excluded is for hardware that tests do without.
    await editFile(config, /^examples:[\s\S]*/m, "");
    await appendFile(config, 'build:\n  exclude: ["@node-llama-cpp/*cuda*", "@node-llama-cpp/*vulkan*"]\n');

    const url = await serveElsewhere(t, await build(t, projectDir));
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
    const request = {
      model: "tiny",
      messages: [
        { role: "system" as const, content: "Be brief." },
        { role: "user" as const, content: "the sea" },
      ],
      seed: 5,
      max_tokens: 12,
    };

    await t.test("answers, whole and in pieces", async () => {
      const whole = await client.chat.completions.create(request);
      assert.ok(whole.choices[0]?.message.content);
      assert.equal(whole.choices[0].finish_reason, "length");
      let text = "";
      for await (const chunk of await client.chat.completions.create({ ...request, stream: true })) {
        text += chunk.choices[0]?.delta.content ?? "";
      }
      assert.equal(text, whole.choices[0].message.content);
    });

    await t.test("more clients that go away than it has sequences leave it working", async () => {
      for (let i = 0; i < 6; i++) {
        const stream = await client.chat.completions.create({ ...request, max_tokens: 5000, stream: true });
        for await (const chunk of stream) {
          assert.ok(chunk);
          break;
        }
        stream.controller.abort();
      }
      assert.ok((await client.chat.completions.create(request)).choices[0]?.message.content);
    });
  },
);
