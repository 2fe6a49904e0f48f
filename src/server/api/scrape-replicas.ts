import { request } from "node:http";
import { placeOf } from "../../client/place-of.ts";
import type { Address } from "../../protocol/address.ts";
import type { LiveDeployment } from "../deployments/live-deployment.ts";
import type { MetricsPart } from "./merge-metrics.ts";

/** One that says nothing for so long, or too much, is left out: the others are not kept waiting. */
const TIMEOUT_MS = 1000;
const MOST_BYTES = 4 * 1024 * 1024;

/** What every ready replica tells of itself, with the labels that say which one it is. */
export async function scrapeReplicas(live: readonly LiveDeployment[]): Promise<MetricsPart[]> {
  const asked = live.flatMap(({ row, backends }) =>
    [...backends.addresses].map(async ([replica, address]): Promise<MetricsPart | null> => {
      const text = await readMetrics(address);
      const { model, environment, id: deployment } = row;
      return text === null ? null : { labels: { model, environment, deployment, replica }, text };
    }),
  );
  return (await Promise.all(asked)).filter((part) => part !== null);
}

function readMetrics(address: Address): Promise<string | null> {
  return new Promise((resolve) => {
    const call = request({
      ...placeOf(address),
      path: "/metrics",
      agent: false,
      headers: { host: "replica" },
    });
    const limit = setTimeout(() => call.destroy(), TIMEOUT_MS);
    let text = "";
    call.on("response", (answer) => {
      answer.setEncoding("utf8").on("data", (piece: string) => {
        text += piece;
        if (text.length > MOST_BYTES) call.destroy();
      });
      answer.on("end", () => resolve(answer.statusCode === 200 ? text : null));
      answer.on("error", () => resolve(null));
    });
    call.on("error", () => resolve(null));
    call.on("close", () => {
      clearTimeout(limit);
      resolve(null);
    });
    call.end();
  });
}
