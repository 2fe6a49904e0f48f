/** A typed echo with runtime.validate_types, against itself without. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkAnswer, sameBytes } from "../lib/check-answer.mjs";
import { runPurlin } from "../lib/command.mjs";
import { compare, sliceRounds } from "../lib/measure.mjs";
import { atLeast, atMost, row } from "../lib/report.mjs";
import { startPackage } from "../lib/server.mjs";

export const title = "typed 1 KB echo with validate_types on, against the same without";

/** The payload json_1k, to its last property. */
const MODEL = `interface Options {
  top_k: number;
  stop: string[] | null;
  stream?: boolean;
}
interface Input {
  id: string;
  values: number[];
  options: Options;
  /** @minLength 1 */
  prompt: string;
}
export class Model {
  predict(input: Input): unknown {
    return input;
  }
}
`;

export async function run(context) {
  const servers = { off: await startTyped(context, false), on: await startTyped(context, true) };
  for (const server of Object.values(servers))
    await checkAnswer(server, { path: "/predict", body: "json_1k" }, sameBytes);
  const wrong = await fetch(`http://127.0.0.1:${servers.on.port}/predict`, { method: "POST", body: "{}" });
  if (wrong.status !== 400) throw new Error(`nothing is checked: ${wrong.status} ${await wrong.text()}`);
  const measureAll = (connections) => sliceRounds(context, servers, { connections });
  const one = await measureAll(1);
  const sixteen = await measureAll(16);
  await Promise.all(Object.values(servers).map((server) => server.stop()));
  return [
    row({
      figure: "inputs checked, c=1: p50",
      unit: "ms",
      ...compare(one.on, one.off, (record) => record.latency_p50),
      target: atMost(1.1),
    }),
    row({
      figure: "inputs checked, c=16: requests/s",
      unit: "/s",
      ...compare(sixteen.on, sixteen.off, (record) => record.per_second),
      target: atLeast(0.9),
    }),
    row({
      figure: "inputs checked, c=16: CPU a request",
      unit: "µs",
      ...compare(sixteen.on, sixteen.off, (record) => record.cpu_us),
    }),
  ];
}

async function startTyped(context, checked) {
  const dir = join(context.root, `typed-${checked ? "on" : "off"}`);
  mkdirSync(join(dir, "model"), { recursive: true });
  writeFileSync(join(dir, "config.yaml"), `model_name: typed\nruntime: { validate_types: ${checked} }\n`);
  writeFileSync(join(dir, "model/model.ts"), MODEL);
  await runPurlin(["build", dir]);
  return startPackage(join(dir, ".purlin/package"));
}
