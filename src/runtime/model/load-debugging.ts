import type { ControlEvent } from "../../protocol/control.ts";
import { parseInspectAddress } from "../../protocol/inspect-address.ts";
import { RUNTIME_ENV } from "../../protocol/runtime-env.ts";
import type { CpuProfile, startCpuProfile } from "./cpu-profile.ts";
import type { startDebugging } from "./debugging.ts";
import { log } from "./log.ts";

export interface Asked {
  env: NodeJS.ProcessEnv;
  /** Tells whoever started the runtime. */
  tell: (event: ControlEvent) => void;
}

/** Where a debugger is asked for: lets it attach. Otherwise, as everywhere but in serve, none of it is loaded. */
export async function loadDebugging({ env, tell }: Asked): Promise<void> {
  const text = developmentOnly(env, RUNTIME_ENV.inspect);
  if (text === undefined) return;
  const address = parseInspectAddress(text);
  if (typeof address === "string") return log("error", `No debugger can attach at ${text}. ${address}`);
  // A file beside this one in the package; not part of this bundle.
  const file = "./debugging.mjs";
  const module = (await import(file)) as { startDebugging: typeof startDebugging };
  const breaks = env[RUNTIME_ENV.inspectBreak] !== undefined;
  await module.startDebugging(address, {
    breaks,
    onOpen: (url) => tell({ type: "debugger", url }),
    onBusy: () => log("warn", `${text} is in use; a debugger can attach to this process once it is free.`),
  });
}

/** null where no profile is asked for. */
export async function loadCpuProfile({
  env,
  tell,
  name,
}: Asked & { name: string }): Promise<CpuProfile | null> {
  const place = developmentOnly(env, RUNTIME_ENV.cpuProfile);
  if (place === undefined) return null;
  const file = "./cpu-profile.mjs";
  const module = (await import(file)) as { startCpuProfile: typeof startCpuProfile };
  return module.startCpuProfile(place, { name, log, onWritten: tell });
}

function developmentOnly(env: NodeJS.ProcessEnv, name: string): string | undefined {
  return env[RUNTIME_ENV.mode] === "development" ? env[name] : undefined;
}
