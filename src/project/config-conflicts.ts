import { parseBytes } from "../protocol/bytes.ts";
import type { Config } from "../protocol/config.ts";
import { exampleConflicts } from "./example-conflicts.ts";
import type { KeyPath } from "./key-path.ts";
import { valueAt } from "./key-path.ts";

export interface Conflict {
  path: KeyPath;
  /** Follows the key path in a sentence. */
  reason: string;
  hint?: string;
}

/** Values that are valid one by one and cannot hold together. `data` is the config as it was written. */
export function findConflicts(config: Config, data: unknown): Conflict[] {
  return [
    ...runtimeConflicts(config),
    ...transportConflicts(config, data),
    ...autoscalingConflicts(config),
    ...buildConflicts(config),
    ...aliasConflicts(data),
    ...repeated(data, "examples", "name"),
    ...exampleConflicts(config.examples),
    ...repeated(data, "weights", "mount_location"),
    ...modelConflicts(config),
  ];
}

function runtimeConflicts({ runtime, resources }: Config): Conflict[] {
  const conflicts: Conflict[] = [];
  if (runtime.batching && runtime.batching.max_size > Math.max(1, runtime.max_queue)) {
    const reason = `is greater than runtime.max_queue (${runtime.max_queue}), so that no batch could ever fill`;
    conflicts.push({ path: ["runtime", "batching", "max_size"], reason });
  }
  const deadlineMs = (runtime.predict_timeout_seconds ?? Infinity) * 1000;
  if (runtime.batching && runtime.batching.max_wait_ms >= deadlineMs) {
    const reason = `is not below runtime.predict_timeout_seconds (${runtime.predict_timeout_seconds}), so that a request could run out of time waiting for others`;
    conflicts.push({ path: ["runtime", "batching", "max_wait_ms"], reason });
  }
  const reason = memoryConflict(runtime, resources.memory);
  if (reason !== null) conflicts.push({ path: ["runtime", "memory_limit"], reason });
  return conflicts;
}

function memoryConflict({ memory_limit: limit, workers, spare }: Config["runtime"], memory: string) {
  const replica = parseBytes(memory);
  if (limit === null || replica === null) return null;
  if (limit > replica)
    return `is above resources.memory (${memory}), where the whole replica is killed first`;
  if (workers === "auto" || limit * (workers + Number(spare)) <= replica) return null;
  const processes = spare ? `runtime.workers and the spare (${workers} + 1)` : `runtime.workers (${workers})`;
  return `times ${processes} is above resources.memory (${memory}), where the whole replica is killed first`;
}

const SOCKET_KEYS: Record<string, string> = {
  ping_interval_seconds: "HTTP has no pings.",
  ping_timeout_seconds: "HTTP has no pings.",
  permessage_deflate: "Answers over HTTP are packed with runtime.compression: true.",
};

function transportConflicts({ runtime, examples }: Config, data: unknown): Conflict[] {
  const path = ["runtime", "transport"];
  if (runtime.transport.kind === "http") {
    return Object.entries(SOCKET_KEYS)
      .filter(([key]) => (valueAt(data, [...path, key]) ?? null) !== null)
      .map(([key, hint]) => ({ path: [...path, key], reason: "needs kind: websocket", hint }));
  }
  const conflicts: Conflict[] = [];
  if (runtime.batching) {
    const reason = "cannot be used with the websocket transport: a socket is served alone, never in a batch";
    conflicts.push({ path: ["runtime", "batching"], reason });
  }
  if (runtime.validate_types) {
    const reason = "cannot be used with the websocket transport: a socket's messages have no declared type";
    conflicts.push({ path: ["runtime", "validate_types"], reason });
  }
  if (examples.length > 0) {
    const reason = "cannot be used with the websocket transport: they are calls over HTTP";
    conflicts.push({ path: ["examples"], reason });
  }
  return conflicts;
}

function autoscalingConflicts({ autoscaling }: Config): Conflict[] {
  const { min_replicas: least, max_replicas: most } = autoscaling;
  if (least <= most) return [];
  const reason = `is greater than autoscaling.max_replicas (${most})`;
  return [{ path: ["autoscaling", "min_replicas"], reason }];
}

function buildConflicts({ build }: Config): Conflict[] {
  return build.bundle
    .map((name, index) => ({ name, index }))
    .filter(({ name }) => build.external.includes(name))
    .map(({ name, index }) => ({
      path: ["build", "bundle", index],
      reason: `names ${name}, which build.external keeps out of the bundle`,
      hint: "Keep it in one of the two.",
    }));
}

function aliasConflicts(data: unknown): Conflict[] {
  const path = ["runtime", "streaming_read_timeout"];
  if (valueAt(data, path) === undefined) return [];
  if (valueAt(data, ["runtime", "streaming_read_timeout_seconds"]) === undefined) return [];
  const reason = "is given beside runtime.streaming_read_timeout_seconds, which means the same";
  return [{ path, reason, hint: "Keep one of the two." }];
}

/** Entries of a list that share what must be their own. */
function repeated(data: unknown, list: string, key: string): Conflict[] {
  const entries = valueAt(data, [list]);
  if (!Array.isArray(entries)) return [];
  const first = new Map<string, number>();
  return entries.flatMap((entry: unknown, index) => {
    const value = valueAt(entry, [key]);
    if (typeof value !== "string") return [];
    const same = key === "mount_location" ? value.replace(/\/+$/, "") : value;
    const earlier = first.get(same);
    if (earlier === undefined) {
      first.set(same, index);
      return [];
    }
    return [{ path: [list, index, key], reason: `is also that of ${list}[${earlier}]; each needs its own` }];
  });
}

function modelConflicts(config: Config): Conflict[] {
  const data = plainPath(config.data_dir);
  const model = plainPath(config.model_module_dir);
  if (data !== model) return [];
  const reason = `is also model_module_dir (${config.model_module_dir}); the sources would be packed as data`;
  return [{ path: ["data_dir"], reason }];
}

function plainPath(path: string): string {
  return path
    .split("/")
    .filter((step) => step !== "" && step !== ".")
    .join("/");
}
