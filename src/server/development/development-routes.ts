import {
  DEVELOPMENT,
  type DevelopmentState,
  SYNC_TYPE,
  WATCH_BEAT_MS,
  type WatchLine,
} from "../../protocol/development.ts";
import type { TransferLimits } from "../../protocol/transfer.ts";
import { readFields, textField } from "../api/read-fields.ts";
import type { ApiCall, Route } from "../api/route.ts";
import type { Deployments } from "../deployments/deployments.ts";
import { HostError } from "../host-error.ts";
import { readWholeBody } from "../transfer/body.ts";
import { modelOf } from "../transfer/model-of.ts";
import type { Development } from "./development.ts";
import { parseSync, syncLimit } from "./read-sync.ts";

const PATH = "/v1/models/:model/development";
const LONGEST_WAIT_S = 30;

/** `push --watch` from the other side: a lease that lives with its connection, and one request for each save. */
export function developmentRoutes(
  development: Development,
  deployments: Deployments,
  limits: TransferLimits,
): Route[] {
  return [
    {
      method: "GET",
      path: PATH,
      scope: "deploy",
      async handle(call) {
        const session = call.url.searchParams.get("session");
        if (session !== null) development.leases.renew(modelOf(call), session);
        const wait = Number(call.url.searchParams.get("wait") ?? 0) || 0;
        const ms = Math.min(LONGEST_WAIT_S, Math.max(0, wait)) * 1000;
        const state = await development.settled(modelOf(call), ms, call.signal);
        call.json(200, state satisfies DevelopmentState);
      },
    },
    {
      method: "POST",
      path: `${PATH}/watch`,
      scope: "deploy",
      audit: "development.watch",
      async handle(call) {
        const fields = await readFields(call);
        call.audit({ name: textField(fields, "name") ?? "", takeover: fields["takeover"] === true });
        await holdLease(call, { development, deployments, fields });
      },
    },
    {
      method: "POST",
      path: `${PATH}/sync`,
      scope: "deploy",
      audit: "development.sync",
      async handle(call) {
        if (call.headers["content-type"] !== SYNC_TYPE)
          throw new HostError("BAD_BATCH", `A sync is sent as ${SYNC_TYPE}.`);
        const sync = parseSync(await readWholeBody(call.req, syncLimit(limits), limits));
        const answer = await development.sync(modelOf(call), sync, call.key.name);
        call.audit({ package: sync.request.target, kind: answer.kind });
        call.json(200, answer);
      },
    },
  ];
}

interface Watching {
  development: Development;
  deployments: Deployments;
  fields: Record<string, unknown>;
}

/** NDJSON: what is live, whenever that changes and now and then. The end of the connection is the end of the lease. */
async function holdLease(call: ApiCall, { development, deployments, fields }: Watching): Promise<void> {
  const { res } = call;
  const model = modelOf(call);
  const tell = (line: WatchLine): void => void res.write(`${JSON.stringify(line)}\n`);
  const lease = development.leases.take(model, {
    session: sessionField(fields),
    name: (textField(fields, "name") ?? call.key.name).slice(0, 200),
    takeover: fields["takeover"] === true,
    onLost(by) {
      if (by === null) return void res.destroy();
      tell({ type: "revoked", by });
      res.end();
    },
  });
  development.keepAwake(model, true);
  res.writeHead(200, {
    "content-type": "application/x-ndjson",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
  });
  tell({ type: "watching", state: development.state(model) });
  const tellState = (): void => tell({ type: "state", state: development.state(model) });
  const stop = deployments.onEvent(({ deployment }) => {
    const row = deployments.rows.get(deployment);
    // Once what the event belongs to is whole.
    if (row?.model === model && row.environment === DEVELOPMENT) setImmediate(tellState);
  });
  const timer = setInterval(tellState, WATCH_BEAT_MS);
  await new Promise<void>((resolve) => {
    if (call.signal.aborted || res.destroyed) resolve();
    res.once("close", () => resolve());
  });
  clearInterval(timer);
  stop();
  lease.release();
  if (development.leases.watcher(model) === null) development.keepAwake(model, false);
}

function sessionField(fields: Record<string, unknown>): string {
  const session = textField(fields, "session");
  if (session !== undefined && session.length > 0 && session.length <= 128) return session;
  throw new HostError("BAD_REQUEST", "session must be text of at most 128 characters.");
}
