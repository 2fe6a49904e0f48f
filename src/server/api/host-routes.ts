import type { WhoAmI } from "../../protocol/host-api.ts";
import type { Capabilities, TransferLimits } from "../../protocol/transfer.ts";
import type { Deployments } from "../deployments/deployments.ts";
import { HostError } from "../host-error.ts";
import type { Store } from "../store/store.ts";
import {
  OPEN_METRICS_TYPE,
  PROMETHEUS_TYPE,
  toOpenMetrics,
  wantsOpenMetrics,
} from "../../http/open-metrics.ts";
import { metricsText } from "./metrics-text.ts";
import { readFields, textField } from "./read-fields.ts";
import type { Route } from "./route.ts";
import { scrapeReplicas } from "./scrape-replicas.ts";

export interface HostRoutesOptions {
  version: string;
  target: string;
  limits: TransferLimits;
  isolation: string[];
  store: Store;
  deployments: Deployments;
  /** Everything that served before has been taken up again. */
  isReady(): boolean;
}

/** The host itself: health, what it can do, metrics, upkeep. */
export function hostRoutes(options: HostRoutesOptions): Route[] {
  const { version, target, limits, isolation, store, deployments } = options;
  return [
    {
      method: "GET",
      path: "/health/live",
      scope: "none",
      handle: (call) => call.json(200, { status: "live" }),
    },
    {
      method: "GET",
      path: "/health/ready",
      scope: "none",
      handle: (call) =>
        options.isReady() ? call.json(200, { status: "ready" }) : call.json(503, { status: "starting" }),
    },
    // Of the Open Inference Protocol; what it says of a model is the router's.
    {
      method: "GET",
      path: "/v2/health/live",
      scope: "none",
      handle: (call) => call.json(200, { status: "live", live: true }),
    },
    {
      method: "GET",
      path: "/v2/health/ready",
      scope: "none",
      handle(call) {
        const ready = options.isReady();
        call.json(ready ? 200 : 503, { status: ready ? "ready" : "starting", ready });
      },
    },
    {
      method: "GET",
      path: "/v2",
      scope: "any",
      handle: (call) => call.json(200, { name: "purlin", version, extensions: ["binary_tensor_data"] }),
    },
    {
      method: "GET",
      path: "/v1/capabilities",
      scope: "any",
      handle: (call) =>
        call.json(200, {
          version,
          target,
          node: { version: process.versions.node, abi: Number(process.versions.modules) },
          hash: ["sha256"],
          encodings: ["gzip"],
          limits,
          features: ["parts", "batch", "rollout", "sync"],
          isolation,
        } satisfies Capabilities),
    },
    {
      method: "GET",
      path: "/v1/whoami",
      scope: "any",
      handle(call) {
        const { id, name, scope, models } = call.key;
        call.json(200, { key: { id, name, scope, models }, host: { version, target } } satisfies WhoAmI);
      },
    },
    {
      method: "GET",
      path: "/metrics",
      scope: "any",
      async handle(call) {
        const { models } = call.key;
        const live = deployments.live().filter(({ row }) => models === null || models.includes(row.model));
        const text = metricsText(live, await scrapeReplicas(live));
        const isOpen = wantsOpenMetrics(call.req.headers.accept);
        call.res.writeHead(200, {
          "content-type": isOpen ? OPEN_METRICS_TYPE : PROMETHEUS_TYPE,
          "cache-control": "no-store",
          vary: "Accept",
        });
        call.res.end(isOpen ? toOpenMetrics(text) : text);
      },
    },
    {
      method: "POST",
      path: "/v1/gc",
      scope: "admin",
      audit: "host.gc",
      async handle(call) {
        const { dry_run } = await readFields(call);
        call.json(200, await store.collectGarbage({ dryRun: dry_run === true }));
      },
    },
    {
      method: "POST",
      path: "/v1/backup",
      scope: "admin",
      audit: "host.backup",
      async handle(call) {
        const file = textField(await readFields(call), "file");
        if (file === undefined || !file.startsWith("/")) {
          throw new HostError("BAD_REQUEST", "file must be an absolute path on the host's machine.");
        }
        call.audit({ file });
        try {
          await store.backup(file);
        } catch (error) {
          throw new HostError("CONFLICT", `The backup was not written: ${(error as Error).message}`);
        }
        call.json(200, { file });
      },
    },
  ];
}
