import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { tmpDir } from "./tmp-dir.ts";

export interface ModelProject {
  dir: string;
  /** Writes a file of the project, path from its root. */
  write(path: string, text: string | Uint8Array): Promise<void>;
  /** A model that answers with this version, and does what its input asks for. */
  version(version: string | number, extra?: { load?: string; config?: string }): Promise<void>;
}

/** A project whose answers tell which version of the code gave them. */
export async function makeModelProject(
  t: Pick<TestContext, "after">,
  name: string,
  config = "",
): Promise<ModelProject> {
  const dir = join(await tmpDir(t), name);
  const project: ModelProject = {
    dir,
    async write(path, text) {
      await mkdir(dirname(join(dir, path)), { recursive: true });
      await writeFile(join(dir, path), text);
    },
    async version(version, { load = "", config: more = config } = {}) {
      await project.write("config.yaml", `model_name: ${name}\n${more}`);
      await project.write("model/model.ts", modelSource(version, load));
    },
  };
  await project.version(1);
  return project;
}

function modelSource(version: string | number, load: string): string {
  return `
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
export class Model {
  secrets: any; environment: any;
  constructor({ secrets, environment }: any) { this.secrets = secrets; this.environment = environment; }
  async load() { ${load} }
  setupEnvironment(environment: any) { this.environment = environment; }
  preprocess(input: any) { return input; }
  async predict(input: any, request: any) {
    if (input?.log) console.log(input.log);
    if (input?.throw) throw new Error(input.throw);
    if (input?.sleep) await wait(input.sleep);
    if (input?.spin) { const end = Date.now() + input.spin; while (Date.now() < end); }
    if (input?.exit !== undefined) process.exit(input.exit);
    if (input?.chunks) return chunks(input.chunks, input.every ?? 1);
    return {
      version: ${JSON.stringify(version)},
      echo: input?.echo,
      pid: process.pid,
      environment: this.environment?.name ?? null,
      secret: input?.secret ? String(this.secrets[input.secret]) : undefined,
      env: input?.env ? (process.env[input.env] ?? null) : undefined,
    };
  }
}
async function* chunks(count: number, every: number) {
  for (let i = 0; i < count; i++) { await wait(every); yield JSON.stringify({ version: ${JSON.stringify(version)}, i }) + "\\n"; }
}
`;
}
