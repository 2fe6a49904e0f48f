/** Pixels from the top left of the image; x to the right, y downwards. */
export type Point = readonly [x: number, y: number];

/** Corners of a rectangle, clockwise from where its text starts: top left, top right, bottom right, bottom left. */
export type Quad = readonly [Point, Point, Point, Point];

export function distance([ax, ay]: Point, [bx, by]: Point): number {
  return Math.hypot(ax - bx, ay - by);
}

/** Towards `to` by the share `t` of the way. */
export function between([ax, ay]: Point, [bx, by]: Point, t: number): Point {
  return [ax + (bx - ax) * t, ay + (by - ay) * t];
}

/**
 * The rectangle around the points, turned to be as small as possible and widened by `margin(width, height)`
 * on every side. It stays upright unless turning saves a fifth: the blob of a short word has no direction.
 */
export function enclosingRectangle(points: Point[], margin: (width: number, height: number) => number): Quad {
  const hull = convexHull(points);
  let best = extentAlong(hull, 0);
  for (let i = 0; i < hull.length; i++) {
    const [ax, ay] = hull[i];
    const [bx, by] = hull[(i + 1) % hull.length];
    const turned = extentAlong(hull, quarterTurn(Math.atan2(by - ay, bx - ax)));
    if (area(turned) < (best.angle === 0 ? 0.8 : 1) * area(best)) best = turned;
  }
  const grow = margin(best.right - best.left, best.bottom - best.top);
  const [left, right, top, bottom] = [
    best.left - grow,
    best.right + grow,
    best.top - grow,
    best.bottom + grow,
  ];
  const turn = (x: number, y: number): Point => rotate(x, y, best.angle);
  return [turn(left, top), turn(right, top), turn(right, bottom), turn(left, bottom)];
}

interface Extent {
  angle: number;
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** How far the points reach in a frame of axes turned by `angle`; half a pixel is added on each side. */
function extentAlong(points: Point[], angle: number): Extent {
  const turned = points.map(([x, y]) => rotate(x, y, -angle));
  const xs = turned.map(([x]) => x);
  const ys = turned.map(([, y]) => y);
  return {
    angle,
    left: Math.min(...xs) - 0.5,
    right: Math.max(...xs) + 0.5,
    top: Math.min(...ys) - 0.5,
    bottom: Math.max(...ys) + 0.5,
  };
}

function area({ left, right, top, bottom }: Extent): number {
  return (right - left) * (bottom - top);
}

/** The same direction of axes, within 45 degrees of level: text is rarely steeper. */
function quarterTurn(angle: number): number {
  const quarter = Math.PI / 2;
  return angle - quarter * Math.round(angle / quarter);
}

function rotate(x: number, y: number, angle: number): Point {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return [x * cos - y * sin, x * sin + y * cos];
}

/** Andrew's monotone chain. */
function convexHull(points: Point[]): Point[] {
  const sorted = [...points].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const half = (ordered: Point[]): Point[] => {
    const chain: Point[] = [];
    for (const point of ordered) {
      while (chain.length > 1 && !turnsLeft(chain[chain.length - 2], chain[chain.length - 1], point))
        chain.pop();
      chain.push(point);
    }
    return chain.slice(0, -1);
  };
  const hull = [...half(sorted), ...half(sorted.toReversed())];
  return hull.length > 0 ? hull : sorted.slice(0, 1);
}

function turnsLeft(a: Point, b: Point, c: Point): boolean {
  return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) > 0;
}
