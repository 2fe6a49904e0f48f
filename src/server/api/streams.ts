import type { DeploymentEvent, LogLine } from "../../protocol/host-api.ts";
import type { Deployments } from "../deployments/deployments.ts";
import type { LogQuery, LogStore } from "../store/store.ts";
import type { ApiCall } from "./route.ts";

/** Something is said at least so often: a proxy in between shuts what is silent. */
const BEAT_MS = 15_000;
/** A reader that is so far behind is cut off; it comes again with its cursor and has lost nothing. */
const MAX_BEHIND_BYTES = 4 * 1024 * 1024;

/** As JSON, or as server-sent events from `Last-Event-ID` on until the client goes. */
export async function followEvents(call: ApiCall, deployments: Deployments, id: string): Promise<void> {
  const after = Number(call.headers["last-event-id"] ?? call.url.searchParams.get("after") ?? 0) || 0;
  if (!String(call.headers.accept ?? "").includes("text/event-stream")) {
    call.json(200, { events: deployments.rows.events(id, after) });
    return;
  }
  const write = (event: DeploymentEvent): void => {
    send(call, `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  };
  await stream(call, "text/event-stream", ": \n\n", () => {
    const stop = deployments.onEvent((event) => event.deployment === id && write(event));
    for (const event of deployments.rows.events(id, after)) write(event);
    return stop;
  });
}

interface WantedLogs {
  /** Of what is there, and of what is said from now on. */
  read: LogQuery;
  follow: LogQuery;
  accepts(line: LogLine): boolean;
}

/** NDJSON: what is there, and with ?follow=1 what is said from then on. */
export async function followLogs(call: ApiCall, logs: LogStore, wanted: WantedLogs): Promise<void> {
  const follow = ["1", "true"].includes(call.url.searchParams.get("follow") ?? "");
  const lines = (await logs.read(wanted.read)).filter(wanted.accepts);
  if (!follow) {
    call.res.writeHead(200, { "content-type": "application/x-ndjson", "cache-control": "no-store" });
    for (const line of lines) {
      if (!call.res.write(`${JSON.stringify(line)}\n`)) await drained(call);
      if (call.signal.aborted) return;
    }
    call.res.end();
    return;
  }
  const write = (line: LogLine): void => {
    if (wanted.accepts(line)) send(call, `${JSON.stringify(line)}\n`);
  };
  await stream(call, "application/x-ndjson", "\n", () => {
    for (const line of lines) write(line);
    const cursor = lines.at(-1)?.cursor ?? wanted.read.cursor;
    return logs.follow({ ...wanted.follow, ...(cursor === undefined ? {} : { cursor }) }, write);
  });
}

async function stream(call: ApiCall, type: string, beat: string, begin: () => () => void): Promise<void> {
  const { res, signal } = call;
  res.writeHead(200, { "content-type": type, "cache-control": "no-store", "x-accel-buffering": "no" });
  res.flushHeaders();
  const stop = begin();
  const timer = setInterval(() => res.write(beat), BEAT_MS);
  await new Promise<void>((resolve) => {
    if (signal.aborted || res.destroyed) resolve();
    res.once("close", () => resolve());
  });
  clearInterval(timer);
  stop();
}

function send({ res }: ApiCall, text: string): void {
  res.write(text);
  if (res.writableLength > MAX_BEHIND_BYTES) res.destroy();
}

function drained({ res }: ApiCall): Promise<void> {
  return new Promise((resolve) => {
    res.once("drain", resolve);
    res.once("close", resolve);
  });
}
