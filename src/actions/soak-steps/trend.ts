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
  /** That of the later half of the points. */
  late_slope: number;
  /** What the slope makes of all requests between the first point and the last one. */
  growth: number;
  /** Share of the pairs of points of which the later one is higher: 1 goes up only, 0.5 goes up and down. */
  rising: number;
}

export function trendOf(points: readonly Point[]): Trend {
  const [first, last] = [points[0], points.at(-1)];
  const slope = medianSlope(points);
  return {
    first: first?.y ?? 0,
    last: last?.y ?? 0,
    slope,
    late_slope: medianSlope(points.slice(Math.floor(points.length / 2))),
    growth: slope * ((last?.x ?? 0) - (first?.x ?? 0)),
    rising: share(pairsOf(points), ([from, to]) => to.y > from.y),
  };
}

/**
 * The median of the slopes of all pairs (Theil–Sen): a quarter of the points may lie anywhere without moving it much,
 * as those do that were taken while something was tidied up.
 */
function medianSlope(points: readonly Point[]): number {
  const slopes = pairsOf(points)
    .filter(([from, to]) => to.x > from.x)
    .map(([from, to]) => (to.y - from.y) / (to.x - from.x))
    .sort((a, b) => a - b);
  const middle = Math.floor(slopes.length / 2);
  const upper = slopes[middle] ?? 0;
  return slopes.length % 2 === 1 ? upper : (upper + (slopes[middle - 1] ?? upper)) / 2;
}

function pairsOf(points: readonly Point[]): [Point, Point][] {
  return points.flatMap((from, i) => points.slice(i + 1).map((to): [Point, Point] => [from, to]));
}

function share<T>(values: readonly T[], holds: (value: T) => boolean): number {
  return values.length === 0 ? 0 : values.filter(holds).length / values.length;
}
