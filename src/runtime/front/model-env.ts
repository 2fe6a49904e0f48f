import { RUNTIME_ENV } from "../../protocol/runtime-env.ts";

/** Environment of the front that must not reach user code. */
const OWN_ENV = (["port", "host", "socket", "controlFd", "config"] as const).map((name) => RUNTIME_ENV[name]);

/** What a model process gets of the front's environment, and what is its own. */
export function modelEnv(extra: Record<string, string>): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env, ...extra };
  for (const name of OWN_ENV) delete env[name];
  return env;
}
