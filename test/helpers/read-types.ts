import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { TypesService, type ReadTypes } from "../../src/types/types-service.ts";
import { tmpDir } from "./tmp-dir.ts";

let service: TypesService | undefined;

/** What the types of a model say, read in this process; `files` are paths in its project. */
export async function readTypes(
  t: Pick<TestContext, "after">,
  files: Record<string, string>,
  { checks = false, className = "Model" } = {},
): Promise<ReadTypes> {
  const projectDir = await tmpDir(t);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(projectDir, path)), { recursive: true });
    writeFileSync(join(projectDir, path), text);
  }
  service ??= new TypesService();
  return service.read({ projectDir, modelFile: join(projectDir, "model/model.ts"), className, checks });
}

/** The same for a model of one file. */
export function readModel(
  t: Pick<TestContext, "after">,
  text: string,
  options: { checks?: boolean } = {},
): Promise<ReadTypes> {
  return readTypes(t, { "model/model.ts": text }, options);
}
