// user-needs.md rank 3: whatever is done to a folder, its network, its host and its watcher, the three end up the same.
import assert from "node:assert/strict";
import { appendFile, chmod, cp, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { startCutProxy } from "../helpers/cut-proxy.ts";
import type { ModelProject } from "../helpers/make-model-project.ts";
import { seededRandom } from "../helpers/random.ts";
import { execCli } from "../helpers/spawn-cli.ts";
import { startTestHost } from "../helpers/test-host.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";
import { until } from "../helpers/until.ts";
import { watchProject } from "../helpers/watched-project.ts";

const OPERATIONS = Number(process.env["PURLIN_WATCH_OPERATIONS"] ?? 150);
const SEED = Number(process.env["PURLIN_WATCH_SEED"] ?? Date.now() % 1_000_000);
const CHECK_EVERY = 25;
const CONVERGES_MS = 30_000;

const source = (version: number): string => `
import { helper } from "./helper.ts";
import { readdirSync, readFileSync } from "node:fs";
export class Model {
  dataDir: string; words = ""; names: string[] = [];
  constructor({ dataDir }: any) { this.dataDir = dataDir; }
  load() {
    this.names = readdirSync(this.dataDir, { recursive: true }).map(String).sort();
    this.words = readFileSync(this.dataDir + "/words.txt", "utf8");
  }
  predict() { return { version: ${version}, helper: helper(), words: this.words, names: this.names }; }
}
`;
const helper = (version: number): string => `export const helper = (): number => ${version};\n`;

describe("push --watch", () => {
  it(`folder, head and what answers end up the same over ${OPERATIONS} operations (seed ${SEED})`, async (t) => {
    const { int: random } = seededRandom(SEED);
    const host = await startTestHost(t);
    const proxy = await startCutProxy(t, host.url);
    const through = { ...host, env: { ...host.env, PURLIN_API_URL: proxy.url } };
    const watched = await watchProject(t, through, "converging", async (project: ModelProject) => {
      await project.write("model/model.ts", source(0));
      await project.write("model/helper.ts", helper(0));
      await project.write("data/words.txt", "0");
    });
    await watched.told("live");
    const { dir } = watched.project;
    const at = (path: string): string => join(dir, path);
    let count = 0;
    const log: string[] = [];
    const saves: Record<string, (path: string, text: string) => Promise<void>> = {
      plain: (path, text) => writeFile(at(path), text),
      renamed: async (path, text) => {
        await writeFile(at(`${path}.swp`), text);
        await rename(at(`${path}.swp`), at(path));
      },
      halves: async (path, text) => {
        await writeFile(at(path), text.slice(0, text.length / 2));
        await delay(random(30));
        await appendFile(at(path), text.slice(text.length / 2));
      },
    };
    const save = (path: string, text: string): Promise<void> =>
      (Object.values(saves)[random(3)] as (typeof saves)[string])(path, text);
    const folder = (): string => `data/folder-${random(4)}`;
    const operations: Record<string, () => Promise<void>> = {
      code: () => save("model/model.ts", source(++count)),
      helper: () => save("model/helper.ts", helper(++count)),
      broken: () => save("model/helper.ts", `export const helper = () => { ${++count}\n`),
      failing: () => save("model/helper.ts", `throw new Error("broken ${++count}");\n${helper(count)}`),
      words: () => save("data/words.txt", `words ${++count}`),
      config: () => save("config.yaml", `model_name: converging\ndescription: number ${++count}\n`),
      settings: () =>
        save("config.yaml", `model_name: converging\nautoscaling: { max_replicas: ${1 + (++count % 5)} }\n`),
      mkdir: async () => {
        await mkdir(at(`${folder()}/deep`), { recursive: true });
      },
      nested: async () => {
        const path = `${folder()}/deep`;
        await mkdir(at(path), { recursive: true });
        await save(`${path}/${random(5)}.txt`, `nested ${++count}`);
      },
      remove: () => rm(at(folder()), { recursive: true, force: true }),
      move: async () => {
        await rename(at(folder()), at(`data/moved-${++count % 3}-${count}`)).catch(() => undefined);
      },
      chmod: () => chmod(at("data/words.txt"), random(2) === 0 ? 0o755 : 0o644),
      branch: async () => {
        count += 1;
        await mkdir(at("data/branch"), { recursive: true });
        for (let i = 0; i < 60; i++) await writeFile(at(`data/branch/${i}.txt`), `branch ${count} ${i}`);
        await writeFile(at("model/model.ts"), source(count));
      },
      cut: async () => proxy.cut(),
      away: async () => {
        proxy.away(true);
        await delay(random(1500));
        proxy.away(false);
      },
      hostKilled: async () => {
        await host.stop("SIGKILL");
        await operations["code"]?.();
        await host.start();
      },
      watcherKilled: async () => {
        watched.cli().kill("SIGKILL");
        await watched.cli().exited;
        await operations["words"]?.();
        watched.watch();
        // Nobody can follow a server that they have never reached.
        await watched.told("watching");
      },
    };
    const names = Object.keys(operations);
    // Those that take seconds are as rare as they are in life.
    const rare = new Set(["hostKilled", "watcherKilled", "away", "branch"]);
    const slowest = { ms: 0 };
    for (let i = 1; i <= OPERATIONS; i++) {
      const name = names[random(names.length)] as string;
      if (rare.has(name) && random(3) > 0) continue;
      log.push(name);
      await operations[name]?.();
      await delay(random(250));
      if (i % CHECK_EVERY === 0 || i === OPERATIONS) {
        await saves["plain"]?.("model/helper.ts", helper(++count));
        await saves["plain"]?.("data/words.txt", `checked ${count}`);
        await converged();
      }
    }
    t.diagnostic(`converged within ${slowest.ms.toFixed(0)} ms at the slowest check`);

    async function converged(): Promise<void> {
      const began = performance.now();
      const copy = join(await tmpDir(t), basename(dir));
      await cp(dir, copy, { recursive: true, filter: (path) => !path.includes(`${dir}/.purlin`) });
      const built = await execCli(t, ["build", copy, "--json"], { cwd: copy, env: host.env });
      assert.equal(built.code, 0, built.stdout + built.stderr);
      const { package: digest } = JSON.parse(built.stdout) as { package: string };
      const state = async () =>
        JSON.stringify(await watched.state().catch((error: unknown) => String(error)));
      await until(
        async () => {
          const { head, active, loading } = await watched.state();
          return head === digest && active === digest && !loading;
        },
        {
          timeout: CONVERGES_MS,
          what: () =>
            `seed ${SEED}: ${digest} after ${log.join(" ")}; ${watched.cli().stdout().slice(-3000)}`,
        },
      ).catch(async (error: unknown) => {
        throw new Error(`the server has ${await state()}`, { cause: error });
      });
      slowest.ms = Math.max(slowest.ms, performance.now() - began);
      const answer = await watched.ask();
      assert.deepEqual([answer["helper"], answer["words"]], [count, `checked ${count}`]);
      await until(() => watched.cli().stdout().includes(digest), { what: "the digest to be told" });
    }
  });
});
