import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";

const SCRIPT = `
const { Model, default: fallback } = await import(process.argv[2]);
const model = new (Model ?? fallback)({ dataDir: process.argv[3] });
await model.load?.();
const answer = await model.predict(JSON.parse(process.argv[4]));
process.stdout.write("\\nanswer " + JSON.stringify(answer ?? null) + "\\n");
// Workers of a logger may still hold lines.
setTimeout(() => process.exit(0), 50);
`;

/** Loads a package's code under plain Node and calls predict once: no runtime of ours is involved. */
export async function callPacked(packageDir: string, input: unknown): Promise<unknown> {
  const model = pathToFileURL(join(packageDir, "code/model.mjs")).href;
  const dir = await mkdtemp(join(tmpdir(), "purlin-call-"));
  const script = join(dir, "call.mjs");
  await writeFile(script, SCRIPT);
  const args = [script, model, join(packageDir, "data"), JSON.stringify(input)];
  const { NODE_PATH: _path, NODE_OPTIONS: _options, ...env } = process.env;
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: packageDir, env }).finally(() =>
    rm(dir, { recursive: true }),
  );
  const line = /^answer (.*)$/m.exec(stdout)?.[1];
  if (line === undefined) throw new Error(`no answer in ${JSON.stringify(stdout)}`);
  return JSON.parse(line);
}
