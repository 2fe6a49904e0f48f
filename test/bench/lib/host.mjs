/** A deployment server as its users start it, and the commands that talk to it. */
import { join } from "node:path";
import { PURLIN, runPurlin } from "./command.mjs";
import { startServer } from "./server.mjs";

export const KEY = "bench-key-0123456789";

/** `name` sets its data and its per-user folder apart below `root`. */
export async function startHost(root, name = "host") {
  const env = {
    ...process.env,
    PURLIN_HOME: join(root, `${name}-home`),
    PURLIN_API_KEY: KEY,
    PURLIN_API_URL: undefined,
  };
  const data = join(root, `${name}-data`);
  const start = () =>
    startServer({
      args: [PURLIN, "host", "--port", "0", "--data", data],
      env,
      stderr: join(root, `${name}.log`),
      healthPath: "/health/ready",
    });
  const server = await start();
  return {
    ...server,
    data,
    env,
    start,
    url: `http://127.0.0.1:${server.port}`,
    /** One command as its user; milliseconds of the whole process. */
    cli: (args) => runPurlin(args, { env }),
    /** Its answer, too. */
    json: async (args) => {
      const { output, ms } = await runPurlin([...args, "--json"], { env });
      return { ms, answer: JSON.parse(output.slice(output.indexOf("{"), output.lastIndexOf("}") + 1)) };
    },
    predict: (model, input) =>
      fetch(`http://127.0.0.1:${server.port}/models/${model}/production/predict`, {
        method: "POST",
        body: JSON.stringify(input),
        headers: { authorization: `Bearer ${KEY}` },
      }),
  };
}
