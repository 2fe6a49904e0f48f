import { accessSync, constants, existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { AppError, UsageError } from "../../errors.ts";
import { inspectAddressText } from "../../protocol/inspect-address.ts";
import { MANIFEST_FILE } from "../../protocol/manifest.ts";
import { RUNTIME_ENV } from "../../protocol/runtime-env.ts";
import type { ServeOptions } from "../serve.ts";

type Debugging = Pick<ServeOptions, "inspect" | "cpuProfile">;

/** Is the model run to be looked into, so that places in its code matter? */
export function looksInside({ inspect, cpuProfile }: Debugging): boolean {
  return inspect !== undefined || cpuProfile !== undefined;
}

/**
 * Before anything is built. Throws UsageError where the flags would mean something else than they say, and AppError
 * NOT_WRITABLE where a profile would be lost at its end.
 */
export function checkDebugging({ target, inspect, cpuProfile, workers, report }: ServeOptions): void {
  if (cpuProfile !== undefined && cpuProfile !== target && holdsModel(cpuProfile)) {
    throw new UsageError(
      `${cpuProfile} is to be served, and stands where a place for profiles would.`,
      "Name it before the flag: purlin serve my-model --cpu-profile",
    );
  }
  if (cpuProfile !== undefined) checkWritable(cpuProfile);
  if (inspect === undefined) return;
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
}

/** What a runtime is told of debuggers and profiles. */
export function debuggingEnv({ inspect, cpuProfile }: Debugging): Record<string, string> {
  const env: Record<string, string> = {};
  if (cpuProfile !== undefined) env[RUNTIME_ENV.cpuProfile] = cpuProfile;
  if (inspect === undefined) return env;
  env[RUNTIME_ENV.workers] = "1";
  env[RUNTIME_ENV.inspect] = inspectAddressText(inspect);
  if (inspect.breaks) env[RUNTIME_ENV.inspectBreak] = "1";
  return env;
}

function holdsModel(folder: string): boolean {
  return ["config.yaml", MANIFEST_FILE].some((name) => existsSync(join(folder, name)));
}

function checkWritable(place: string): void {
  const folder = place.endsWith(".cpuprofile") ? dirname(place) : place;
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
  } catch (cause) {
    throw new AppError(
      "NOT_WRITABLE",
      `No CPU profile could be written to ${folder}: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
}
