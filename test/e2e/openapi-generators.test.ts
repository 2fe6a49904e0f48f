import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { it } from "node:test";
import { promisify } from "node:util";
import { installPackages } from "../helpers/install-packages.ts";
import { serveProject } from "../helpers/serve-project.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";

const run = promisify(execFile);

/** Something of everything that a schema can hold. */
const MODEL = `
export interface Circle { kind: "circle"; radius: number }
export interface Square { kind: "square"; side: number }
export type Shape = Circle | Square;
export interface Person { name: string; /** @minimum 0 */ age?: number; friends: Person[] }
export interface Input {
  /** What to say.
   * @minLength 1 */
  prompt: string;
  shape?: Shape; who: Person; pair: [number, string]; rest: [string, ...number[]]; map: Record<string, number>;
  maybe: string | null; kind: "a" | "b"; at: Date; vector: Float32Array; free: unknown; either: string | { x: 1 };
}
export interface Answer { label: string; shape: Shape; person: Person }
export class Model {
  /** Says it. */
  predict(input: Input): Answer { return null as any; }
  async *chatCompletions(input: { messages: { role: string }[] }): AsyncGenerator<{ token: string }> {}
  async *completions(input: { prompt: string }): AsyncGenerator<string> {}
  embeddings(input: Uint8Array): Float32Array { return new Float32Array(); }
  messages(input: { file: File; note: string }): Blob { return new Blob([]); }
  responses(input: any): { done: true } | AsyncGenerator<string> { return { done: true }; }
}
`;

const USE = `
import type { components, operations, paths } from "./api.ts";
type Input = paths["/predict"]["post"]["requestBody"]["content"]["application/json"];
const input: Input = {
  prompt: "a", who: { name: "b", friends: [] }, pair: [1, "x"], rest: ["a"], map: { a: 1 }, maybe: null,
  kind: "b", at: "2026-01-01T00:00:00Z", vector: [1], free: 3, either: { x: 1 }, shape: { kind: "circle", radius: 1 },
};
// @ts-expect-error -- a square has no radius
input.shape = { kind: "square", radius: 1 };
// @ts-expect-error -- no such kind
input.kind = "c";
type Answer = operations["predict"]["responses"][200]["content"]["application/json"];
const person: components["schemas"]["Person"] = {} as Answer["person"];
const refused: components["schemas"]["Error"] = { error: "x", code: "MODEL_ERROR", request_id: "1" };
const late: paths["/predict"]["post"]["responses"][503]["headers"]["retry-after"] = 3;
export { input, person, refused, late };
`;

it("generators and validators of OpenAPI take /openapi.json", async (t) => {
  const served = await serveProject(t, {
    "config.yaml": "model_name: typed\ndescription: Says things.\n",
    "model/model.ts": MODEL,
  });
  const { status, body } = await served.get("/openapi.json");
  assert.equal(status, 200);
  const dir = await tmpDir(t);
  const dependencies = {
    "@apidevtools/swagger-parser": "12.1.0",
    "openapi-typescript": "7.13.0",
    typescript: "5.9.3",
  };
  await writeFile(
    join(dir, "package.json"),
    JSON.stringify({ name: "generators", type: "module", dependencies }),
  );
  await installPackages(dir);
  await writeFile(join(dir, "openapi.json"), JSON.stringify(body));

  const validate = `import parser from "@apidevtools/swagger-parser"; await parser.validate("openapi.json");`;
  await writeFile(join(dir, "validate.mjs"), validate);
  await run(process.execPath, ["validate.mjs"], { cwd: dir });

  const bin = (name: string): string => join(dir, "node_modules/.bin", name);
  await run(bin("openapi-typescript"), ["openapi.json", "-o", "api.ts"], { cwd: dir });
  await writeFile(join(dir, "use.ts"), USE);
  const flags = [
    "--strict",
    "--noEmit",
    "--allowImportingTsExtensions",
    "--module",
    "preserve",
    "--target",
    "es2023",
  ];
  const compiled = await run(bin("tsc"), [...flags, "use.ts"], { cwd: dir }).catch(
    (error: { stdout: string }) => error,
  );
  assert.equal(compiled.stdout, "");
});
