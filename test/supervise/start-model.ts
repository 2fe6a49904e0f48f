import { join } from "node:path";
import type { TestContext } from "node:test";
import type { RunningRuntime, RuntimeOptions } from "../../src/supervise/running-runtime.ts";
import { startRuntime } from "../../src/supervise/start-runtime.ts";
import { writePackage } from "../helpers/run-model.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";

export interface StartedModel {
  dir: string;
  runtime: RunningRuntime;
  log(): string;
  /** POST /predict with JSON. */
  predict(input: unknown): Promise<Response>;
}

/** A model given as the text of its bundle, started as these options say, and stopped after the test. */
export async function startModel(
  t: TestContext,
  source: string,
  options: Partial<RuntimeOptions> = {},
): Promise<StartedModel> {
  const dir = join(await tmpDir(t), "package");
  await writePackage(dir, source);
  const output: string[] = [];
  const runtime = startRuntime({
    packageDir: dir,
    listen: { port: 0, host: "127.0.0.1" },
    stdout: "ignore",
    stderr: "pipe",
    onOutput: (_stream, text) => output.push(text),
    ...options,
  });
  t.after(() => runtime.stop({ graceMs: 1000 }));
  const url = await runtime.listening;
  await runtime.ready;
  return {
    dir,
    runtime,
    log: () => output.join(""),
    predict: (input) => fetch(`${url}/predict`, { method: "POST", body: JSON.stringify(input) }),
  };
}
