import type { Generation } from "./engine.ts";

/**
 * Ends a generation before the first of these strings. Text that may be the beginning of one is held back
 * until the next pieces tell.
 */
export async function* stopAt(generation: Generation, stops: string[]): Generation {
  let held = "";
  try {
    for (;;) {
      const next = await generation.next();
      if (next.done) {
        if (held !== "") yield { text: held, tokens: 0 };
        return next.value;
      }
      const { text, tokens } = next.value;
      held += text;
      const found = Math.min(...stops.map((stop) => held.indexOf(stop)).filter((at) => at !== -1));
      if (Number.isFinite(found)) {
        yield { text: held.slice(0, found), tokens };
        return "stop";
      }
      const safe = held.length - longestBeginning(held, stops);
      yield { text: held.slice(0, safe), tokens };
      held = held.slice(safe);
    }
  } finally {
    // Also when nobody listens any more: the engine must not work on for no one.
    await generation.return("stop");
  }
}

/** Length of the longest end of `text` with which one of the strings begins. */
function longestBeginning(text: string, stops: string[]): number {
  const longest = Math.max(0, ...stops.map((stop) => stop.length - 1));
  for (let length = Math.min(longest, text.length); length > 0; length--) {
    if (stops.some((stop) => stop.startsWith(text.slice(-length)))) return length;
  }
  return 0;
}
