import type { Deployments } from "../deployments/deployments.ts";
import type { LiveDeployment } from "../deployments/live-deployment.ts";

interface Family {
  name: string;
  type: "counter" | "gauge";
  help: string;
  value(live: LiveDeployment): number | [labels: string, value: number][];
}

const FAMILIES: Family[] = [
  {
    name: "purlin_host_requests_total",
    type: "counter",
    help: "Answered requests by status.",
    value: ({ traffic }) =>
      [...traffic.metrics().byStatus].map(([status, count]) => [`status="${status}"`, count]),
  },
  {
    name: "purlin_host_requests_cancelled_total",
    type: "counter",
    help: "Requests whose client left first.",
    value: ({ traffic }) => traffic.metrics().cancelled,
  },
  {
    name: "purlin_host_requests_lost_total",
    type: "counter",
    help: "Requests whose replica ended under them.",
    value: ({ traffic }) => traffic.metrics().lost,
  },
  {
    name: "purlin_host_requests_in_flight",
    type: "gauge",
    help: "Requests that are with a replica now.",
    value: ({ traffic }) => traffic.inFlight,
  },
  {
    name: "purlin_host_requests_queued",
    type: "gauge",
    help: "Requests that wait for a replica.",
    value: ({ traffic }) => traffic.queued,
  },
  {
    name: "purlin_host_replicas_ready",
    type: "gauge",
    help: "Replicas that take requests.",
    value: ({ replicas }) => replicas.ready,
  },
  {
    name: "purlin_host_replicas_wanted",
    type: "gauge",
    help: "Replicas that there should be.",
    value: (live) => live.wanted,
  },
  {
    name: "purlin_host_replica_memory_bytes",
    type: "gauge",
    help: "Resident memory of a replica and all that it started.",
    value: ({ replicas }) =>
      replicas
        .list()
        .flatMap(({ id, rss_bytes }) => (rss_bytes === null ? [] : [[`replica="${id}"`, rss_bytes]])),
  },
];

/** In the text format of Prometheus, with model, environment and deployment of each. */
export function metricsText(deployments: Deployments): string {
  const live = deployments.live();
  const lines = FAMILIES.flatMap(({ name, type, help, value }) => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...live.flatMap((each) => {
      const { model, environment, id } = each.row;
      const labels = `model="${model}",environment="${environment}",deployment="${id}"`;
      const found = value(each);
      const rows: [string, number][] = typeof found === "number" ? [["", found]] : found;
      return rows.map(([more, count]) => `${name}{${labels}${more === "" ? "" : `,${more}`}} ${count}`);
    }),
  ]);
  lines.push(
    "# HELP process_resident_memory_bytes Resident memory of the host.",
    "# TYPE process_resident_memory_bytes gauge",
    `process_resident_memory_bytes ${process.memoryUsage.rss()}`,
  );
  return `${lines.join("\n")}\n`;
}
