import type { Config } from "../../protocol/config.ts";
import { RUNTIME_ENV } from "../../protocol/runtime-env.ts";

/** As long as a timer of Node can wait: 24 days. */
const MOST_MS = 2 ** 31 - 1;
const MOST_SECONDS = Math.floor(MOST_MS / 1000);

const debugs =
  process.env[RUNTIME_ENV.inspect] !== undefined && process.env[RUNTIME_ENV.mode] === "development";

/** How long a model process has to put other methods on its instance. */
export const swapTimeoutMs = debugs ? MOST_MS : 30_000;

/** A person who looks at a stopped process has as long as they like: no limit may end it or its request. */
export function withoutTimeLimits(config: Config): Config {
  if (!debugs) return config;
  const runtime = {
    ...config.runtime,
    predict_timeout_seconds: null,
    streaming_read_timeout_seconds: MOST_SECONDS,
    load_timeout_seconds: MOST_SECONDS,
    cancel_grace_seconds: MOST_SECONDS,
    // It would have the address that the next one is to be found at.
    spare: false,
  };
  return { ...config, runtime };
}
