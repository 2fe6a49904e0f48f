/** A 10 MB float32 tensor in and out, as msgpack and by the Open Inference Protocol, against the same as JSON. */
import { checkAnswer, sameBytes } from "../lib/check-answer.mjs";
import { compare, rounds, slice } from "../lib/measure.mjs";
import { atLeast, row } from "../lib/report.mjs";

export const title = "10 MB float32 tensor in and out, against the same as JSON";

const TENSOR_BYTES = 10_000_000;

export async function run(context) {
  const server = await context.startModel("echo");
  const jobs = {
    json: { body: "json_tensor", path: "/predict", count: 2 },
    msgpack: { body: "msgpack_tensor", path: "/predict", count: 12 },
    inference: { body: "inference_tensor", path: "/v2/models/echo/infer", count: 12 },
  };
  // The bare server of --self echoes JSON and nothing else.
  if (server.bare) for (const name of Object.keys(jobs)) jobs[name] = { ...jobs.json, path: "/echo" };
  else {
    await checkAnswer(server, jobs.msgpack, sameBytes);
    await checkAnswer(server, jobs.inference, sameTensor);
  }
  const measured = await rounds(
    context.rounds,
    Object.fromEntries(
      Object.entries(jobs).map(([name, job]) => [
        name,
        () => slice(context.client, server, { ...job, connections: 1 }),
      ]),
    ),
  );
  await server.stop();
  const { json } = measured;
  const rowOf = (name, figure, target) =>
    row({
      figure: `${figure}, c=1: requests/s`,
      unit: "/s",
      ...compare(measured[name], json, (record) => record.per_second),
      target,
      note: `CPU ${compare(measured[name], json, (record) => record.cpu_us).ratio.median.toFixed(2)} x`,
    });
  return [
    rowOf("msgpack", "msgpack, typed array", atLeast(5)),
    rowOf("inference", "/v2 infer, binary tensor", atLeast(5)),
  ];
}

/** Their JSON parts differ. */
function sameTensor(got, sent) {
  return got.subarray(-TENSOR_BYTES).equals(sent.subarray(-TENSOR_BYTES));
}
