import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { it, type TestContext } from "node:test";
import { buildProject } from "../helpers/build-project.ts";
import { saveAtOnce } from "../helpers/save-at-once.ts";
import { spawnCli } from "../helpers/spawn-cli.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";
import { until } from "../helpers/until.ts";

interface Options {
  input?: string;
  body?: string;
  returns?: string;
}

const model = ({ input = "{ text: string }", body = "{ n: 1 }", returns = "" }: Options): string =>
  `import type { Shared } from "./shared.ts";
export class Model {
  loaded = 0;
  load() { this.loaded = Math.random(); }
  predict(input: ${input} & Shared)${returns} {
    return ${body};
  }
}
`;

interface Reloaded {
  type: string;
  kind: string;
  phases_ms: Record<string, number>;
}

async function serve(t: TestContext, config: string) {
  const dir = join(await tmpDir(t), "typed");
  await mkdir(join(dir, "model"), { recursive: true });
  await writeFile(join(dir, "config.yaml"), `model_name: typed\n${config}`);
  await writeFile(join(dir, "model/shared.ts"), "export interface Shared { user?: string }\n");
  await writeFile(join(dir, "model/model.ts"), model({}));
  const cli = spawnCli(t, ["serve", dir, "--port", "0", "--watch", "--json"], { cwd: dir });
  t.after(async () => {
    cli.kill("SIGTERM");
    await cli.exited;
  });
  const [, url = ""] = await cli.waitFor(/"url":"(http[^"]+)"/);
  await cli.waitFor(/"type":"ready"/);
  await cli.waitFor(/"type":"watching"/);
  const reloads = (): Reloaded[] =>
    cli
      .stdout()
      .split("\n")
      .filter((line) => line.startsWith('{"type":"reloaded"') && line.endsWith("}"))
      .map((line) => JSON.parse(line) as Reloaded);
  return {
    reloads,
    /** Resolves once the change is live. */
    async save(path: string, text: string): Promise<Reloaded> {
      const count = reloads().length;
      await saveAtOnce(join(dir, path), text);
      return until(() => reloads()[count], { timeout: 20_000 });
    },
    async schema(): Promise<Record<"input" | "output", { properties: Record<string, unknown> } | null>> {
      return (await (await fetch(`${url}/schema`)).json()) as never;
    },
    ask: (input: unknown): Promise<Response> =>
      fetch(`${url}/predict`, { method: "POST", body: JSON.stringify(input) }),
  };
}

it("a saved type is live with its code: checked and published, methods swapped in place", async (t) => {
  const served = await serve(t, "runtime:\n  validate_types: true\n");
  assert.equal((await served.ask({ text: "a" })).status, 200);
  const saved = await served.save("model/model.ts", model({ input: "{ text: string; more: number }" }));
  assert.equal(saved.kind, "methods");
  assert.equal((await served.ask({ text: "a" })).status, 400);
  assert.equal((await served.ask({ text: "a", more: 1 })).status, 200);
  assert.deepEqual(Object.keys((await served.schema()).input?.properties ?? {}), ["text", "more", "user"]);
  // A file of types alone is in no bundle, and yet part of what is built.
  await served.save("model/shared.ts", "export interface Shared { user?: number; team: string }\n");
  assert.deepEqual((await served.schema()).input?.properties["team"], { type: "string" });
  assert.equal((await served.ask({ text: "a", more: 1 })).status, 400);
});

it("an edit of a body waits for no types; what is inferred from it follows by itself", async (t) => {
  const served = await serve(t, "");
  assert.deepEqual((await served.schema()).output?.properties, { n: { type: "number" } });
  await served.save("model/model.ts", model({ body: '{ label: "long" }' }));
  await until(async () => "label" in ((await served.schema()).output?.properties ?? {}));
  assert.equal(
    served.reloads().every(({ kind }) => kind === "methods"),
    true,
  );
  // Declared from now on: the body changes nothing.
  await served.save("model/model.ts", model({ body: '{ label: "longer" }', returns: ": { label: string }" }));
  const count = served.reloads().length;
  await served.save(
    "model/model.ts",
    model({ body: '{ label: "longest" as any }', returns: ": { label: string }" }),
  );
  assert.deepEqual((await served.schema()).output?.properties, { label: { type: "string" } });
  assert.equal(served.reloads().length, count + 1);
});

it("a session that began with remembered types sees an edit that comes at once", async (t) => {
  const dir = join(await tmpDir(t), "typed");
  await mkdir(join(dir, "model"), { recursive: true });
  await writeFile(join(dir, "config.yaml"), "model_name: typed\n");
  await writeFile(join(dir, "model/shared.ts"), "export interface Shared { user?: string }\n");
  await writeFile(join(dir, "model/model.ts"), model({}));
  await buildProject(dir);
  const cli = spawnCli(t, ["serve", dir, "--port", "0", "--watch", "--json"], { cwd: dir });
  t.after(async () => {
    cli.kill("SIGTERM");
    await cli.exited;
  });
  const [, url = ""] = await cli.waitFor(/"url":"(http[^"]+)"/);
  await cli.waitFor(/"type":"watching"/);
  await saveAtOnce(join(dir, "model/model.ts"), model({ input: "{ text: string; late: 1 }" }));
  await until(async () => (await (await fetch(`${url}/schema`)).text()).includes('"late"'), {
    timeout: 20_000,
  });
});

it("TypeScript is loaded for the first type that says something", async (t) => {
  const served = await serve(t, "");
  await served.save("model/model.ts", "export class Model { predict(input: unknown) { return input; } }\n");
  assert.equal(((await served.schema()) as unknown as { code: string }).code, "NO_SCHEMA");
  await served.save(
    "model/model.ts",
    "export class Model { predict(input: { back: 1 }) { return input; } }\n",
  );
  assert.deepEqual((await served.schema()).input?.properties, { back: { const: 1 } });
});
