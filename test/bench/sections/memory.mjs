/** Memory of the front and one model process after a load, against the bare server after the same load. */
import { compare, rounds } from "../lib/measure.mjs";
import { atMost, row } from "../lib/report.mjs";

export const title = "memory after the same number of requests (1 KB JSON echo, c=16)";

export async function run(context) {
  const count = context.quick ? 10_000 : 50_000;
  const loaded = (start, path) => async () => {
    const server = await start();
    const idle = server.pssAlone();
    const send = (part) =>
      context.client.run({ port: server.port, path, body: "json_1k", connections: 16, count: part });
    await send(count / 5);
    const warm = server.pssAlone();
    await send((4 * count) / 5);
    const record = { idle, warm, alone: server.pssAlone(), pss: server.pss(), processes: server.pids.length };
    await server.stop();
    return record;
  };
  const { bare, ours } = await rounds(
    context.quick ? 2 : 3,
    {
      bare: loaded(() => context.startBare(), "/echo"),
      ours: loaded(() => context.startModel("echo"), "/predict"),
    },
    { warmUp: false },
  );
  const note = `${ours[0].processes} processes; after ${count.toLocaleString("en-US")} requests`;
  return [
    row({
      figure: "PSS as if alone on the machine, after load",
      unit: "MB",
      ...compare(ours, bare, (record) => record.alone),
      target: atMost(2),
      note,
    }),
    row({
      figure: "PSS as if alone on the machine, idle",
      unit: "MB",
      ...compare(ours, bare, (record) => record.idle),
    }),
    row({
      figure: "memory after soak: after all requests against after a fifth of them",
      unit: "x",
      ...compare(ours, bare, (record) => record.alone / record.warm),
      target: atMost(1.2, "ours"),
    }),
    row({
      figure: "plain PSS, after load",
      unit: "MB",
      ...compare(ours, bare, (record) => record.pss),
      note: "depends on how many other Node processes share the binary's pages",
    }),
  ];
}
