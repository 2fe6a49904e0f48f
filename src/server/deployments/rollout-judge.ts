import type { MinuteStats } from "../router/sliding-minute.ts";

export type Verdict = "go-on" | "too-little" | { abort: string };

/** Fewer requests than this tell nothing. */
const LEAST_REQUESTS = 20;
/** Of the normal distribution: one in a thousand by chance. */
const LEAST_Z = 3.1;
/** Twice as slow, and by more than a hiccup. */
const SLOWER = 2;
const SLOWER_MS = 50;

/** Is the new one worse than the old one, in errors or in p99, beyond chance? */
export function judge({ old, new: fresh }: { old: MinuteStats; new: MinuteStats }): Verdict {
  if (fresh.count < LEAST_REQUESTS) return "too-little";
  const percent = (rate: number): string => `${(rate * 100).toFixed(1)} %`;
  if (fresh.errorRate > old.errorRate && zScore(old, fresh) > LEAST_Z) {
    return { abort: `${percent(fresh.errorRate)} errors against ${percent(old.errorRate)}` };
  }
  if (old.count < LEAST_REQUESTS || old.p99Ms === null || fresh.p99Ms === null) return "go-on";
  if (
    fresh.count >= 5 * LEAST_REQUESTS &&
    fresh.p99Ms > old.p99Ms * SLOWER &&
    fresh.p99Ms > old.p99Ms + SLOWER_MS
  ) {
    return { abort: `p99 ${Math.round(fresh.p99Ms)} ms against ${Math.round(old.p99Ms)} ms` };
  }
  return "go-on";
}

/** Two proportions, with one failure and one success added to each, so that none of them is sure. */
function zScore(old: MinuteStats, fresh: MinuteStats): number {
  const [n1, n2] = [old.count + 2, fresh.count + 2];
  const [p1, p2] = [(old.errors + 1) / n1, (fresh.errors + 1) / n2];
  const pooled = (old.errors + fresh.errors + 2) / (n1 + n2);
  return (p2 - p1) / Math.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2));
}
