// The code of the guides to types and to typed clients.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { codeBlock, commandsIn, readDoc } from "../helpers/read-doc.ts";
import { readModel } from "../helpers/read-types.ts";
import { serveProject } from "../helpers/serve-project.ts";
import { execCli } from "../helpers/spawn-cli.ts";

const ROOT = new URL("../../", import.meta.url);
const SECTION = readDoc("guides/types.md");
const CLIENT_PAGE = readDoc("guides/generated-client.md");
const MODEL = codeBlock(SECTION, "ts");
const CLIENT = codeBlock(CLIENT_PAGE, "ts client");

test("the model, its refusal and the client work as they stand there, and their types are right", async (t) => {
  const served = await serveProject(t, {
    "config.yaml": "model_name: draws\nruntime: { validate_types: true }\n",
    "model/model.ts": MODEL,
    "package.json": '{ "type": "module" }',
    "tsconfig.json": JSON.stringify({
      compilerOptions: {
        strict: true,
        noEmit: true,
        target: "es2023",
        module: "preserve",
        lib: ["es2023", "dom", "dom.iterable"],
        types: [],
        allowImportingTsExtensions: true,
      },
      include: ["model", "*.ts"],
    }),
  });
  const shapes = [{ kind: "circle", radius: 1 }, { kind: "square" }];
  const refused = (await (await served.post("/predict", { prompt: "a", shapes })).json()) as {
    details: unknown;
  };
  const [, violation = ""] = /`(\{"path"[^`]*)`/.exec(SECTION) ?? [];
  assert.deepEqual(refused.details, [JSON.parse(violation)]);

  for (const command of commandsIn(CLIENT_PAGE)) {
    const { code, stderr } = await execCli(t, command.split(" ").slice(1), { cwd: served.dir });
    assert.equal(code, 0, stderr);
  }
  await writeFile(join(served.dir, "use.ts"), CLIENT.replace("http://127.0.0.1:8080", served.url));
  const tsc = fileURLToPath(new URL("node_modules/typescript/bin/tsc", ROOT));
  const compiled = await execCli(t, [], {
    cwd: served.dir,
    command: [process.execPath, tsc, "-p", served.dir],
  });
  assert.equal(compiled.stdout, "");
  const tsx = fileURLToPath(new URL("node_modules/tsx/dist/cli.mjs", ROOT));
  const used = await execCli(t, ["use.ts"], { cwd: served.dir, command: [process.execPath, tsx] });
  assert.equal(used.stdout, "4\n", used.stderr);
});

test("every tag that it names is a keyword", async (t) => {
  const [, sentence = ""] = /these tags keywords: ([\s\S]*?)\. A schema/.exec(SECTION) ?? [];
  const tags = [...sentence.matchAll(/`@(\w+)`/g)].map(([, tag = ""]) => tag);
  assert.equal(tags.length, 14);
  const lines = tags.map((tag) => ` * @${tag} ${tag === "format" ? "date" : "1"}\n`).join("");
  const { types } = await readModel(
    t,
    `export class Model { predict(input: {\n/**\n${lines}*/\nx: string }) {} }`,
  );
  const properties = types?.methods["predict"]?.input?.["properties"] as { x: object } | undefined;
  const keys = Object.keys(properties?.x ?? {}).map((key) => (key === "examples" ? "example" : key));
  assert.deepEqual(keys.filter((key) => key !== "type").sort(), tags.sort());
});
