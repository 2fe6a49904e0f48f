// client: openapi-typescript and openapi-fetch
// pins: npm/openapi-typescript, npm/openapi-fetch, npm/typescript
// targets: serve, host
// models: typed, chat
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import createClient from "openapi-fetch";
import openapiTS, { astToString } from "openapi-typescript";
import { row, target } from "../lib/rows.mjs";

const headers = { authorization: `Bearer ${target.key}` };
const folder = fileURLToPath(new URL(".", import.meta.url));
const tsc = fileURLToPath(new URL("../../node_modules/typescript/bin/tsc", import.meta.url));

/** The document, and where its first server leads. */
async function read(model) {
  const url = `${target.models[model].root}/openapi.json`;
  const document = await (await fetch(url, { headers })).json();
  return { document, base: new URL(document.servers?.[0]?.url ?? "/", url).href.replace(/\/$/, "") };
}

for (const [model, kind] of [
  ["typed", "a typed model"],
  ["chat", "an untyped model"],
]) {
  await row(`openapi-typescript, ${kind}`, "types that the compiler takes", async () => {
    const { document } = await read(model);
    const types = astToString(await openapiTS(document));
    await mkdir(join(folder, model), { recursive: true });
    await writeFile(join(folder, model, "types.ts"), types);
    const flags = ["--strict", "--noEmit", "--skipLibCheck", "--target", "es2023"];
    const files = [join(folder, model, "types.ts")];
    await promisify(execFile)(process.execPath, [tsc, ...flags, ...files]).catch((error) =>
      assert.fail(error.stdout),
    );
  });
}
await row("openapi-fetch, POST /predict at the document's server", "the answer", async () => {
  const { base } = await read("typed");
  const client = createClient({ baseUrl: base, headers });
  const parts = [{ kind: "plate", width: 2, height: 3 }];
  const { data, error } = await client.POST("/predict", { body: { customer: "a", parts } });
  assert.deepEqual([data?.size, error], [6, undefined]);
});
await row("openapi-fetch, what the types refuse", "the error's body and status 400", async () => {
  const { base } = await read("typed");
  const { error, response } = await createClient({ baseUrl: base, headers }).POST("/predict", { body: {} });
  assert.equal(response.status, 400);
  assert.equal(typeof error.error, "string");
});
