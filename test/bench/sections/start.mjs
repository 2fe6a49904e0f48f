/** From spawn to the first 200 of the health route. */
import { compare, rounds } from "../lib/measure.mjs";
import { atMost, row } from "../lib/report.mjs";

export const title = "start -> ready";

export async function run(context) {
  const timed = (start) => async () => {
    const server = await start();
    await server.stop();
    return { ready: server.readyMs, listening: server.listeningMs };
  };
  const variants = {
    bare: timed(() => context.startBare()),
    ours: timed(() => context.startModel("echo")),
  };
  const serve = await serveOrNothing(context);
  if (serve !== null) variants.serve = timed(serve);
  const records = await rounds(context.rounds * 3, variants);
  const ready = (record) => record.ready;
  const rows = [
    row({
      figure: "the packed runtime, minimal model: ready",
      unit: "ms",
      ...compare(records.ours, records.bare, ready),
      target: atMost(2.2),
    }),
    row({
      figure: "the packed runtime: listening",
      unit: "ms",
      ...compare(records.ours, records.bare, (record) => record.listening),
    }),
  ];
  if (serve !== null) {
    rows.push(
      row({
        figure: "purlin serve, package built: ready",
        unit: "ms",
        ...compare(records.serve, records.bare, ready),
      }),
    );
  }
  return rows;
}

/** The runtime's own figures do not depend on the command line working. */
async function serveOrNothing(context) {
  try {
    const serve = await context.serveStarter();
    if (serve !== null) await (await serve()).stop();
    return serve;
  } catch (error) {
    console.error(`purlin serve is not measured: ${error.message}`);
    return null;
  }
}
