export interface Point {
  /** Requests answered so far. */
  x: number;
  y: number;
}

export interface Trend {
  first: number;
  last: number;
  /** By request. */
  slope: number;
  /** What the slope makes of all requests between the first point and the last one. */
  growth: number;
  /** Share of the pairs of points of which the later one is higher: 1 goes up only, 0.5 goes up and down. */
  rising: number;
}

/**
 * The line through the points whose slope is the median of the slopes of all pairs (Theil–Sen): a third of the points
 * may lie anywhere without moving it, as those do that were taken while something was tidied up.
 */
export function trendOf(points: readonly Point[]): Trend {
  const slopes: number[] = [];
  let up = 0;
  let pairs = 0;
  points.forEach((from, i) => {
    for (const to of points.slice(i + 1)) {
      pairs += 1;
      if (to.y > from.y) up += 1;
      if (to.x > from.x) slopes.push((to.y - from.y) / (to.x - from.x));
    }
  });
  const [first, last] = [points[0], points.at(-1)];
  const slope = median(slopes);
  return {
    first: first?.y ?? 0,
    last: last?.y ?? 0,
    slope,
    growth: slope * ((last?.x ?? 0) - (first?.x ?? 0)),
    rising: pairs === 0 ? 0 : up / pairs,
  };
}

function median(values: number[]): number {
  const sorted = values.sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}
