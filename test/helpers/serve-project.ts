import type { TestContext } from "node:test";
import { startRuntime } from "../../src/supervise/start-runtime.ts";
import { buildProject, makeProject } from "./build-project.ts";

export interface ServedProject {
  /** Where it listens. */
  url: string;
  /** The project. */
  dir: string;
  /** The package. */
  path: string;
  logText(): string;
  post(path: string, body: unknown, init?: RequestInit): Promise<Response>;
  get(path: string): Promise<{ status: number; body: unknown }>;
}

/** Builds a project of these files and runs its package on a free port until the test is over. */
export async function serveProject(
  t: Pick<TestContext, "after">,
  files: Record<string, string>,
  env: Record<string, string> = {},
): Promise<ServedProject> {
  const dir = await makeProject(t, files);
  const { path } = await buildProject(dir);
  const output: string[] = [];
  const runtime = startRuntime({
    packageDir: path,
    listen: { port: 0, host: "127.0.0.1" },
    env,
    stdout: "pipe",
    stderr: "pipe",
    onOutput: (_stream, text) => output.push(text),
  });
  t.after(() => runtime.stop({ graceMs: 1000 }));
  const url = await runtime.listening;
  await runtime.ready;
  return {
    url,
    dir,
    path,
    logText: () => output.join(""),
    post: (route, body, init) =>
      fetch(url + route, {
        method: "POST",
        body: typeof body === "string" ? body : JSON.stringify(body),
        ...init,
      }),
    async get(route) {
      const answer = await fetch(url + route);
      return { status: answer.status, body: await answer.json() };
    },
  };
}
