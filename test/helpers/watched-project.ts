import { join } from "node:path";
import type { TestContext } from "node:test";
import type { DevelopmentState } from "../../src/protocol/development.ts";
import { makeModelProject, type ModelProject } from "./make-model-project.ts";
import { saveAtOnce } from "./save-at-once.ts";
import { type SpawnedCli, spawnCli } from "./spawn-cli.ts";
import type { TestHost } from "./test-host.ts";
import { until } from "./until.ts";

export type Told = Record<string, unknown> & { type: string };

/** A project that `purlin push --watch --json` keeps in step with a host. */
export interface WatchedProject {
  readonly project: ModelProject;
  readonly name: string;
  cli(): SpawnedCli;
  /** Everything that the watcher has told, or the events of one type. */
  events(type?: string): Told[];
  /** Waits for the event number `count` of a type. */
  told(type: string, count?: number): Promise<Told>;
  save(path: string, text: string): Promise<void>;
  ask(input?: unknown): Promise<Record<string, unknown>>;
  state(): Promise<DevelopmentState>;
  /** Another watcher of the same folder, after the first has ended. */
  watch(...more: string[]): SpawnedCli;
}

export async function watchProject(
  t: TestContext,
  host: TestHost,
  name: string,
  prepare?: (project: ModelProject) => Promise<void>,
): Promise<WatchedProject> {
  const project = await makeModelProject(t, name);
  await prepare?.(project);
  let cli: SpawnedCli;
  const watch = (...more: string[]): SpawnedCli => {
    cli = spawnCli(t, ["push", project.dir, "--watch", "--json", ...more], {
      cwd: project.dir,
      env: host.env,
    });
    return cli;
  };
  watch();
  const toldLately = (): string => {
    const lines = cli.stdout().split("\n");
    return lines
      .filter((line) => !line.startsWith('{"type":"log"'))
      .join("\n")
      .slice(-3000);
  };
  const events = (type?: string): Told[] =>
    cli
      .stdout()
      .split("\n")
      // Thousands of lines may be of the log.
      .filter((line) => line.startsWith(type === undefined ? "{" : `{"type":"${type}"`) && line.endsWith("}"))
      .map((line) => JSON.parse(line) as Told);
  return {
    project,
    name,
    cli: () => cli,
    events,
    told: (type, count = 1) =>
      until(() => events(type)[count - 1], {
        timeout: 30_000,
        what: () => `event ${count} of ${type}; ${toldLately()} ${cli.stderr().slice(-2000)}`,
      }),
    save: (path, text) => saveAtOnce(join(project.dir, path), text),
    ask: async (input = {}) =>
      (await (await host.predict(name, input, "development/predict")).json()) as Record<string, unknown>,
    state: async () =>
      (await (await host.fetch(`/v1/models/${name}/development`)).json()) as DevelopmentState,
    watch,
  };
}
