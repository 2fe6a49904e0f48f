import { UsageError } from "../../errors.ts";
import type { Engine } from "../replicas/engine.ts";

export interface EngineOptions {
  /** The host's data folder; an engine keeps what it needs below it. */
  dataDir: string;
}

type Open = (options: EngineOptions) => Promise<Engine>;

/** Every engine by its name. This is the only place that knows one; each is loaded when it is asked for. */
const ENGINES: Record<string, Open> = {
  local: async ({ dataDir }) => (await import("./local/local-engine.ts")).openLocalEngine(dataDir),
};

const DEFAULT = "local";

/** Throws UsageError for a name that is no engine's. */
export async function openEngine(name: string = DEFAULT, options: EngineOptions): Promise<Engine> {
  const open = Object.hasOwn(ENGINES, name) ? ENGINES[name] : undefined;
  if (open !== undefined) return open(options);
  throw new UsageError(
    `There is no engine "${name}".`,
    `Choose one with --engine: ${Object.keys(ENGINES).join(", ")}`,
  );
}
