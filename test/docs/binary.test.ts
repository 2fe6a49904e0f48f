// The code and the tables of the guide to binary data.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { ARRAY_TYPES } from "../../src/runtime/model/formats/msgpack/extensions.ts";
import { DATATYPES } from "../../src/runtime/model/formats/tensors/datatypes.ts";
import { makeProject } from "../helpers/build-project.ts";
import { codeBlock, readDoc } from "../helpers/read-doc.ts";
import { execCli, spawnCli } from "../helpers/spawn-cli.ts";

const ROOT = new URL("../../", import.meta.url);
const SECTION = readDoc("guides/binary.md");
const CODE = codeBlock(SECTION, "ts");
const [, BODY = ""] = /\/infer -d '([\s\S]*?)'/.exec(SECTION) ?? [];

test("the model that takes tensors works as it stands there, and its types are right", async (t) => {
  const options = {
    strict: true,
    noEmit: true,
    target: "es2023",
    module: "nodenext",
    lib: ["es2023", "dom", "dom.iterable"],
    types: [],
    paths: { purlin: [fileURLToPath(new URL("dist/sdk/index.d.ts", ROOT))] },
  };
  const dir = await makeProject(t, {
    "config.yaml": "model_name: doubles\nruntime: { validate_types: true }\n",
    "model/model.ts": CODE,
    "tsconfig.json": JSON.stringify({ compilerOptions: options, include: ["model"] }),
  });
  const tsc = fileURLToPath(new URL("node_modules/typescript/bin/tsc", ROOT));
  const command: [string, ...string[]] = [process.execPath, tsc, "-p", dir];
  const { code, stdout } = await execCli(t, [], { cwd: dir, command });
  assert.equal(code, 0, stdout);

  const serve = spawnCli(t, ["serve", dir, "--port", "0"], { cwd: dir });
  const [, url = ""] = await serve.waitFor(/listening on (\S+)/);
  await serve.waitFor(/^ready$/m);
  const metadata = (await (await fetch(`${url}/v2/models/m`)).json()) as { inputs: unknown };
  assert.deepEqual(metadata.inputs, [{ name: "image", datatype: "FP32", shape: [-1] }], "told by the types");
  const response = await fetch(`${url}/v2/models/m/infer`, { method: "POST", body: BODY });
  assert.deepEqual(await response.json(), {
    model_name: "m",
    outputs: [
      { name: "doubled", shape: [1, 3], datatype: "FP32", data: [2, 4, 8] },
      { name: "largest", shape: [1], datatype: "FP64", data: [4] },
    ],
  });
});

test("the table of extensions is that of the code", () => {
  const cells = [...SECTION.matchAll(/\| (\d)\s+\| `(\w+Array)`/g)].map(([, type, name]) => [
    name,
    Number(type),
  ]);
  const known = Object.entries(ARRAY_TYPES).map(([datatype, type]) => [
    DATATYPES[datatype]?.array.name,
    type,
  ]);
  assert.deepEqual(Object.fromEntries(cells), Object.fromEntries(known));
});
