import { UsageError } from "../../errors.ts";
import { inspectAddressText } from "../../protocol/inspect-address.ts";
import { RUNTIME_ENV } from "../../protocol/runtime-env.ts";
import type { ServeOptions } from "../serve.ts";

type Debugging = Pick<ServeOptions, "inspect" | "cpuProfile" | "workers" | "report">;

/** Is the model run to be looked into, so that places in its code matter? */
export function looksInside({ inspect, cpuProfile }: Pick<ServeOptions, "inspect" | "cpuProfile">): boolean {
  return inspect !== undefined || cpuProfile !== undefined;
}

/** What a runtime is told of debuggers and profiles. Throws UsageError where a debugger would not know its process. */
export function debuggingEnv({ inspect, cpuProfile, workers, report }: Debugging): Record<string, string> {
  const env: Record<string, string> = {};
  if (cpuProfile !== undefined) env[RUNTIME_ENV.cpuProfile] = cpuProfile;
  if (inspect === undefined) return env;
  if (workers !== undefined && workers !== 1) {
    throw new UsageError(
      `A debugger attaches to one model process, and --workers asks for ${workers}.`,
      "Leave --workers out: with --inspect there is one.",
    );
  }
  report.emit({
    type: "note",
    message: "For the debugger there is one model process, and the time limits of config.yaml are off.",
  });
  env[RUNTIME_ENV.workers] = "1";
  env[RUNTIME_ENV.inspect] = inspectAddressText(inspect);
  if (inspect.breaks) env[RUNTIME_ENV.inspectBreak] = "1";
  return env;
}
