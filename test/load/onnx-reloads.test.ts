// Issue 5: 200 hot reloads of a 100 MB ONNX model end within 1.2 times the memory after 10.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { it } from "node:test";
import { installPackages } from "../helpers/install-packages.ts";
import { makeModelProject } from "../helpers/make-model-project.ts";
import { processesOf } from "../helpers/run-model.ts";
import { saveAtOnce } from "../helpers/save-at-once.ts";
import { spawnCli } from "../helpers/spawn-cli.ts";
import { reversingOnnx } from "../helpers/tiny-onnx.ts";
import { until } from "../helpers/until.ts";

/** 5000 x 5000 floats are 100 MB. */
const SIZE = 5000;
/** New processes first, then new methods on the last one of them: each kind that leaks leaves its trace. */
const PROCESSES = 60;
const RELOADS = 200;
const EARLY = 10;
const MOST_GROWTH = 1.2;

const source = (version: number, loads: number): string => `
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
export class Model {
  dataDir: string;
  session!: InferenceSession;
  row!: (x: Float32Array) => Tensor;
  loads = 0;
  constructor({ dataDir }: any) { this.dataDir = dataDir; }
  async load() {
    this.loads = ${loads};
    this.session = await InferenceSession.create(join(this.dataDir, "weights.onnx"), { intraOpNumThreads: 1 });
    // predict itself needs nothing that load has made state of: its edits are put on the loaded session.
    this.row = (x) => new Tensor("float32", x, [1, ${SIZE}]);
  }
  async predict(first: number) {
    const x = new Float32Array(${SIZE});
    x[0] = first;
    const { y } = await this.session.run({ x: this.row(x) });
    return { version: ${version}, loads: this.loads, last: (y!.data as Float32Array)[${SIZE - 1}] };
  }
}
`;

it(`${RELOADS} hot reloads of a 100 MB ONNX model end within ${MOST_GROWTH} times the memory after ${EARLY}`, async (t) => {
  const project = await makeModelProject(t, "onnx-reloads");
  await project.write(
    "package.json",
    `{"private": true, "type": "module", "dependencies": {"onnxruntime-node": "1.30.0"}, "allowScripts": {"onnxruntime-node": false}}`,
  );
  await installPackages(project.dir);
  const weights = reversingOnnx(SIZE);
  assert.ok(weights.byteLength >= 100_000_000);
  await project.write("data/weights.onnx", weights);
  await project.write("model/model.ts", source(0, 0));
  const cli = spawnCli(t, ["serve", project.dir, "--port", "0", "--watch", "--json"], { cwd: project.dir });
  t.after(async () => {
    cli.kill("SIGTERM");
    await cli.exited;
  });
  const [, url = ""] = await cli.waitFor(/"url":"(http[^"]+)"/, { timeout: 60_000 });
  await cli.waitFor(/"type":"watching"/, { timeout: 60_000 });

  const told = (): { kind: string }[] =>
    cli
      .stdout()
      .split("\n")
      .filter((line) => line.startsWith('{"type":"reloaded"') && line.endsWith("}"))
      .map((line) => JSON.parse(line) as { kind: string });
  const samples: { reloads: number; runtime: number; cli: number }[] = [];
  for (let version = 1; version <= RELOADS; version++) {
    const loads = Math.min(version, PROCESSES);
    await saveAtOnce(`${project.dir}/model/model.ts`, source(version, loads));
    await until(() => told().length === version, {
      timeout: 60_000,
      what: () => `reload ${version}; ${cli.stdout().slice(-1000)} ${cli.stderr().slice(-1000)}`,
    });
    const response = await fetch(`${url}/predict`, { method: "POST", body: String(version) });
    assert.deepEqual(await response.json(), { version, loads, last: version });
    if (version % 10 !== 0) continue;
    const runtime = await until(async () => settled(await processesOf(project.dir)), {
      timeout: 30_000,
      what: "the old model process to end",
    });
    samples.push({ reloads: version, runtime: pss(runtime), cli: pss([cli.pid]) });
  }
  const kinds = told().map(({ kind }) => kind);
  assert.equal(kinds.filter((kind) => kind === "methods").length, RELOADS - PROCESSES);
  assert.equal(kinds.filter((kind) => kind === "process").length, PROCESSES);
  t.diagnostic(
    `reloads, MB of the runtime, MB of serve --watch: ${samples.map((s) => Object.values(s).join(" ")).join(", ")}`,
  );
  const [early, middle, late] = [samples[0], samples[samples.length / 2 - 1], samples.at(-1)];
  assert.ok(early && middle && late);
  assert.deepEqual([early.reloads, middle.reloads, late.reloads], [EARLY, RELOADS / 2, RELOADS]);
  assert.ok(late.runtime <= early.runtime * MOST_GROWTH, `${early.runtime} MB, then ${late.runtime} MB`);
  // V8 gives the bundler's process its largest young generation within the first hundred; then nothing may grow.
  assert.ok(late.cli <= middle.cli * MOST_GROWTH, `serve --watch: ${middle.cli} MB, then ${late.cli} MB`);
});

/** The front and its model, once no other one is left; the bundler of `serve --watch` runs in the project, too. */
function settled(pids: readonly number[]): number[] | null {
  const runtime = pids.filter((pid) =>
    /runtime\/(front|model)\.mjs/.test(readFileSync(`/proc/${pid}/cmdline`, "utf8")),
  );
  return runtime.length === 2 ? runtime : null;
}

/** Megabytes, each shared page counted once. */
function pss(pids: readonly number[]): number {
  const kilobytes = pids.map((pid) =>
    Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1]),
  );
  return Math.round(kilobytes.reduce((sum, each) => sum + each, 0) / 1024);
}
