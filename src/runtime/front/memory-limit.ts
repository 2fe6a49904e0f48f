import { parseBytes } from "../../protocol/bytes.ts";
import type { Config } from "../../protocol/config.ts";

/** A process that is to have room beyond what its load takes; less would replace it for nothing. */
const LEAST_ROOM = 1.25;

export interface MemoryLimit {
  bytes: number;
  /** The key that sets it. */
  from: "runtime.memory_limit" | "resources.memory";
}

/**
 * The limit of one model process. `resources.memory` is that of a whole replica: the front, the workers, and one
 * more that loads beside them while it takes over share it. null where that leaves no room for a limit.
 */
export function memoryLimit(
  { runtime, resources }: Pick<Config, "runtime" | "resources">,
  held: { front: number; loaded: number; workers: number },
): MemoryLimit | null {
  if (runtime.memory_limit !== null) return { bytes: runtime.memory_limit, from: "runtime.memory_limit" };
  const replica = parseBytes(resources.memory) ?? 0;
  const bytes = Math.floor((replica - held.front - held.loaded) / Math.max(1, held.workers));
  return bytes < held.loaded * LEAST_ROOM ? null : { bytes, from: "resources.memory" };
}
