import type { ModelClient } from "../../client/call-model.ts";
import { probeFront, readRuntimeMetrics } from "./runtime-metrics.ts";

const LOOK_EVERY_MS = 500;

/** The longest times in milliseconds, looked for while there is traffic: the front must answer whatever the model does. */
export function watchLag(client: ModelClient): {
  stop(): void;
  longest(): { front: number; model: number };
} {
  const longest = { front: 0, model: 0 };
  const look = async (): Promise<void> => {
    longest.front = Math.max(longest.front, await probeFront(client));
    longest.model = Math.max(longest.model, (await readRuntimeMetrics(client)).lagMs);
  };
  // A look that fails is told by the calls that fail beside it.
  const timer = setInterval(() => void look().catch(() => undefined), LOOK_EVERY_MS);
  return {
    stop: () => clearInterval(timer),
    longest() {
      return { front: Math.round(longest.front), model: Math.round(longest.model) };
    },
  };
}
