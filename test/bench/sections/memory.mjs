/** Memory of the front and one model process after a load, against the bare server after the same load. */
import { compare, rounds } from "../lib/measure.mjs";
import { atMost, row } from "../lib/report.mjs";

export const title = "memory after the same number of requests (1 KB JSON echo, c=16)";

export async function run(context) {
  const count = context.quick ? 10_000 : 50_000;
  const loaded = (start, path) => async () => {
    const server = await start();
    const idle = server.pssAlone();
    await context.client.run({ port: server.port, path, body: "json_1k", connections: 16, count });
    const record = { idle, alone: server.pssAlone(), pss: server.pss(), processes: server.pids.length };
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
      figure: "plain PSS, after load",
      unit: "MB",
      ...compare(ours, bare, (record) => record.pss),
      note: "depends on how many other Node processes share the binary's pages",
    }),
  ];
}
