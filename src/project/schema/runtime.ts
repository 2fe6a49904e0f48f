import * as z from "zod";
import { field, leaf, optional, section, switchedSection } from "./fields.ts";
import { flag, seconds, size, wholeNumber } from "./leaves.ts";

const ORIGIN = /^(\*|[a-z][a-z0-9+.-]*:\/\/(\[[0-9a-fA-F:.]+\]|[^\s/?#@:[\]]+)(:\d{1,5})?)$/;
const ORIGIN_RULE = '"*", or an origin without a path: "https://app.example.com"';

const origins = leaf(z.array(leaf(z.string().regex(ORIGIN), ORIGIN_RULE)), "a list of origins");

const workers = leaf(
  z.union([z.int().min(1).max(256), z.literal("auto")]),
  "a whole number from 1 to 256, or auto",
);

const batching = switchedSection(
  {
    max_size: field(wholeNumber(1, 65_536), 32, "Most rows in one batch."),
    max_wait_ms: field(
      leaf(z.number().min(0).max(60_000), "a number of milliseconds from 0 to 60000"),
      5,
      "Longest time in milliseconds that a row waits for others while the model is busy.",
    ),
    isolate_errors: field(flag(), false, "When a whole batch throws, try its rows one by one."),
  },
  "Dynamic batching through predictBatch; off where absent.",
);

const pingSeconds = seconds().nullable();

/** `kind` may be left out: `{}` is HTTP. What does not fit the kind is refused in config-conflicts.ts. */
const transport = leaf(
  z.strictObject({
    kind: leaf(z.enum(["http", "websocket"]), "http or websocket")
      .prefault("http")
      .meta({ description: "http, or websocket for models that are called through a socket only." }),
    ping_interval_seconds: pingSeconds.optional().meta({ description: "Time between pings (websocket)." }),
    ping_timeout_seconds: pingSeconds
      .optional()
      .meta({ description: "Longest wait for a pong (websocket)." }),
    permessage_deflate: flag().default(false).meta({
      description: "Compress messages for clients that offer permessage-deflate (websocket).",
    }),
  }),
  "a map with `kind`",
).transform(({ kind, ping_interval_seconds, ping_timeout_seconds, permessage_deflate }) =>
  kind === "http"
    ? { kind }
    : {
        kind,
        ping_interval_seconds: ping_interval_seconds ?? null,
        ping_timeout_seconds: ping_timeout_seconds ?? null,
        permessage_deflate,
      },
);

const keys = section(
  {
    workers: field(workers, 1, "Model processes in a replica; auto is one a core."),
    predict_concurrency: field(wholeNumber(1, 65_536), 1, "Running predicts in a model process."),
    max_queue: field(wholeNumber(0, 10_000_000), 1000, "Waiting requests; more are answered with 503."),
    max_queue_bytes: field(size(0), "256MiB", "Bytes of waiting requests; more are answered with 503."),
    max_body_bytes: field(size(1), "100MiB", "Greatest request body; a greater one is answered with 413."),
    predict_timeout_seconds: field(
      seconds().nullable(),
      null,
      "Deadline of a request in seconds, from its arrival.",
    ),
    streaming_read_timeout_seconds: field(seconds(), 60, "Longest wait for the next item of a stream."),
    streaming_read_timeout: optional(
      seconds().meta({ deprecated: true }),
      "Another spelling of streaming_read_timeout_seconds.",
    ),
    spare: field(flag(), false, "Keep a loaded spare process to take over from one that fails."),
    poison_limit: field(
      wholeNumber(0, 1000),
      3,
      "Refuse a body after it has killed this many model processes; 0 never refuses.",
    ),
    cors: field(
      origins.nullable().transform((given) => (given === null || given.length === 0 ? null : given)),
      null,
      "Origins whose pages may call the model; none where absent.",
    ),
    load_timeout_seconds: field(seconds(), 1800, "Longest time that load may take."),
    load_retries: field(wholeNumber(0, 100), 1, "How often a load that threw is tried again."),
    shutdown_timeout_seconds: field(
      seconds({ zero: true }),
      60,
      "Longest time that running and waiting requests have to finish after SIGTERM.",
    ),
    cancel_grace_seconds: field(
      seconds({ zero: true }),
      10,
      "Time that a cancelled request has to end before its model process is replaced.",
    ),
    batching,
    memory_limit: field(
      size(1024 ** 2).nullable(),
      null,
      "Resident memory of a model process; above it, a fresh one takes over. From resources.memory where absent.",
    ),
    transport: field(transport, {}, "How clients talk to the model."),
    compression: field(flag(), false, "Pack answers (zstd, br, gzip) for clients that send Accept-Encoding."),
    validate_types: field(flag(), false, "Check inputs against the TypeScript types of predict."),
    validate_output: field(flag(), false, "Check outputs in production too."),
    openai_uses_slot: field(flag(), false, "Count the OpenAI-style methods against predict_concurrency."),
  },
  "How the inference server runs the model.",
);

/** The original's spelling is gone from what is read on. */
export const runtime = {
  full: keys.full.transform(({ streaming_read_timeout: alias, ...rest }) => ({
    ...rest,
    streaming_read_timeout_seconds: alias ?? rest.streaming_read_timeout_seconds,
  })),
  get part() {
    return keys.part
      .transform((given) => {
        if (given === undefined) return undefined;
        const { streaming_read_timeout: alias, ...rest } = given;
        return alias === undefined ? rest : { ...rest, streaming_read_timeout_seconds: alias };
      })
      .optional();
  },
};
