import { STATS_INTERVAL_MS, ToFront } from "../channel/frames.ts";
import type { FrameWriter } from "../channel/frame-writer.ts";
import { collectUserMetrics } from "./user-metrics.ts";

/**
 * Tells the front each second how late timers fire, which says how busy the loop is, how much memory there is, and
 * what user code has counted: what a sudden end can cost of it is what was counted since.
 */
export function reportStats(writer: FrameWriter, settled: () => number): void {
  let due = performance.now();
  let told = 0;
  const report = (): void => {
    const now = performance.now();
    const { buffer, offset } = writer.frame(ToFront.STATS, 0, 16);
    buffer.writeDoubleLE(Math.max(0, now - due), offset);
    buffer.writeDoubleLE(process.memoryUsage.rss(), offset + 8);
    due = now + STATS_INTERVAL_MS;
    writer.flush();
    // While no request ends, nothing is counted that would be worth the work.
    if (settled() === told) return;
    told = settled();
    void collectUserMetrics().then((metrics) => {
      if (metrics === null || metrics.length === 0) return;
      writer.json(ToFront.METRICS, 0, metrics);
      writer.flush();
    });
  };
  report();
  setInterval(report, STATS_INTERVAL_MS).unref();
}
