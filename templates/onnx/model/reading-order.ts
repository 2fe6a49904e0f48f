import { between, distance, type Point, type Quad } from "./geometry.ts";

/** Boxes grouped into rows from top to bottom, each row from left to right; the picture may hang askew. */
export function inReadingOrder<T extends { box: Quad }>(items: T[]): T[][] {
  const [cos, sin] = direction(items.map(({ box }) => box));
  const placed = items.map((item) => {
    const [x, y] = between(item.box[0], item.box[2], 0.5);
    const size = Math.min(distance(item.box[0], item.box[3]), distance(item.box[0], item.box[1]));
    return { item, along: x * cos + y * sin, down: y * cos - x * sin, size };
  });

  const rows: (typeof placed)[] = [];
  for (const next of placed.sort((a, b) => a.down - b.down)) {
    const row = rows.at(-1);
    // One row as long as the middles are less than half a line apart.
    if (row && next.down - row[0].down < Math.max(row[0].size, next.size) / 2) row.push(next);
    else rows.push([next]);
  }
  return rows.map((row) => row.sort((a, b) => a.along - b.along).map(({ item }) => item));
}

/** Where most text runs to, as a unit vector: the mean over the boxes, the long ones count more. */
function direction(boxes: Quad[]): Point {
  let [x, y] = [0, 0];
  for (const [topLeft, topRight] of boxes) {
    x += topRight[0] - topLeft[0];
    y += topRight[1] - topLeft[1];
  }
  const length = Math.hypot(x, y);
  return length === 0 ? [1, 0] : [x / length, y / length];
}
