import { enclosingRectangle, type Point, type Quad } from "./geometry.ts";

/** A pixel belongs to text from this probability on. */
const PIXEL_THRESHOLD = 0.3;
/** A blob of such pixels is a line of text when their mean reaches this. */
const REGION_THRESHOLD = 0.6;
const MIN_SIDE = 3;
/** The network marks a shrunken core of each line; this ratio of area to outline undoes the shrinking. */
const UNCLIP_RATIO = 1.5;

export interface ProbabilityMap {
  values: Float32Array;
  width: number;
  height: number;
}

/** Lines of text in the detector's map of text probabilities, in pixels of that map. */
export function findRegions(map: ProbabilityMap): Quad[] {
  const visited = new Uint8Array(map.values.length);
  const regions: Quad[] = [];
  for (let start = 0; start < map.values.length; start++) {
    if (visited[start] || map.values[start] < PIXEL_THRESHOLD) continue;
    const blob = floodFill(map, start, visited);
    if (blob.meanProbability < REGION_THRESHOLD || blob.shortSide < MIN_SIDE) continue;
    regions.push(
      enclosingRectangle(
        blob.outline,
        (width, height) => (width * height * UNCLIP_RATIO) / (2 * (width + height)),
      ),
    );
  }
  return regions;
}

interface Blob {
  meanProbability: number;
  /** Of the upright box. */
  shortSide: number;
  /** The first and last pixel of every row: enough for the rectangle around it. */
  outline: Point[];
}

function floodFill({ values, width, height }: ProbabilityMap, start: number, visited: Uint8Array): Blob {
  const rows = new Map<number, { first: number; last: number }>();
  const pending = [start];
  visited[start] = 1;
  let sum = 0;
  let count = 0;
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    const [x, y] = [at % width, Math.floor(at / width)];
    sum += values[at];
    count++;
    const row = rows.get(y);
    if (!row) rows.set(y, { first: x, last: x });
    else if (x < row.first) row.first = x;
    else if (x > row.last) row.last = x;

    for (let ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny++) {
      for (let nx = Math.max(0, x - 1); nx <= Math.min(width - 1, x + 1); nx++) {
        const next = ny * width + nx;
        if (visited[next] || values[next] < PIXEL_THRESHOLD) continue;
        visited[next] = 1;
        pending.push(next);
      }
    }
  }
  const ends = [...rows.values()];
  const spread = Math.max(...ends.map(({ last }) => last)) - Math.min(...ends.map(({ first }) => first)) + 1;
  return {
    meanProbability: sum / count,
    shortSide: Math.min(spread, rows.size),
    outline: [...rows].flatMap(([y, { first, last }]): Point[] => [
      [first, y],
      [last, y],
    ]),
  };
}
