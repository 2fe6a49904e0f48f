import type { LiveDeployment } from "../deployments/live-deployment.ts";
import { DURATION_BOUNDS } from "../router/traffic-counters.ts";
import { type MetricsPart, mergeMetrics } from "./merge-metrics.ts";

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
    name: "purlin_host_requests_retried_total",
    type: "counter",
    help: "Requests sent again, because the first replica could not be reached.",
    value: ({ traffic }) => traffic.metrics().retried,
  },
  {
    name: "purlin_host_requests_waited_total",
    type: "counter",
    help: "Requests that had to wait for a replica.",
    value: ({ traffic }) => traffic.metrics().waited,
  },
  {
    name: "purlin_host_requests_waited_seconds_total",
    type: "counter",
    help: "Seconds that requests have waited for a replica.",
    value: ({ traffic }) => traffic.metrics().waitedSeconds,
  },
  {
    name: "purlin_host_requests_refused_total",
    type: "counter",
    help: "Requests that got no replica: too many waited already, or none came up in time.",
    value({ traffic }) {
      const { overloaded, wakeTimeouts } = traffic.metrics();
      return [
        ['reason="overloaded"', overloaded],
        ['reason="wake_timeout"', wakeTimeouts],
      ];
    },
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

/** In the text format of Prometheus: the host, these deployments as it sees them, and what replicas tell themselves. */
export function metricsText(live: readonly LiveDeployment[], replicas: readonly MetricsPart[]): string {
  const lines = FAMILIES.flatMap(({ name, type, help, value }) => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...live.flatMap((each) => {
      const found = value(each);
      const rows: [string, number][] = typeof found === "number" ? [["", found]] : found;
      return rows.map(
        ([more, count]) => `${name}{${labelsOf(each)}${more === "" ? "" : `,${more}`}} ${count}`,
      );
    }),
  ]);
  lines.push(
    "# HELP purlin_host_request_duration_seconds Seconds from a request to the head of its answer.",
    "# TYPE purlin_host_request_duration_seconds histogram",
    ...live.flatMap(durations),
    "# HELP process_resident_memory_bytes Resident memory of the host.",
    "# TYPE process_resident_memory_bytes gauge",
    `process_resident_memory_bytes ${process.memoryUsage.rss()}`,
  );
  return mergeMetrics([{ labels: {}, text: lines.join("\n") }, ...replicas]);
}

const labelsOf = ({ row: { model, environment, id } }: LiveDeployment): string =>
  `model="${model}",environment="${environment}",deployment="${id}"`;

/** Nothing of those that were never asked: most of a thousand sleep. */
function durations(live: LiveDeployment): string[] {
  const { durationCounts, durationSeconds } = live.traffic.metrics();
  if (durationCounts.length === 0) return [];
  const labels = labelsOf(live);
  const name = "purlin_host_request_duration_seconds";
  let below = 0;
  const buckets = durationCounts.map((count, at) => {
    below += count;
    return `${name}_bucket{${labels},le="${DURATION_BOUNDS[at] ?? "+Inf"}"} ${below}`;
  });
  return [...buckets, `${name}_sum{${labels}} ${durationSeconds}`, `${name}_count{${labels}} ${below}`];
}
