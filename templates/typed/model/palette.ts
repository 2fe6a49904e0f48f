import type { Bitmap } from "./decode.ts";

type Color = [red: number, green: number, blue: number];

const SAMPLES = 10_000;
const ROUNDS = 12;

export interface PaletteEntry {
  hex: string;
  /** Of the visible pixels, 0 to 1. */
  share: number;
}

/** The main colours of an image, the commonest first (k-means). The same image gives the same palette. */
export function mainColors(image: Bitmap, count: number): PaletteEntry[] {
  const pixels = visiblePixels(image);
  let centers = startingColors(pixels, count);
  let sizes: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const sums = centers.map(() => [0, 0, 0, 0]);
    for (const pixel of pixels) {
      const sum = sums[nearest(centers, pixel)];
      for (let c = 0; c < 3; c++) sum[c] += pixel[c];
      sum[3]++;
    }
    sizes = sums.map((sum) => sum[3]);
    centers = sums.map(([r, g, b, n], i) => (n === 0 ? centers[i] : [r / n, g / n, b / n]));
  }
  return centers
    .map((color, i) => ({ hex: toHex(color), share: Number((sizes[i] / pixels.length).toFixed(4)) }))
    .filter(({ share }) => share > 0)
    .sort((a, b) => b.share - a.share);
}

/** Evenly spread over the image, mostly opaque ones only. */
function visiblePixels({ data, width, height }: Bitmap): Color[] {
  const pixels: Color[] = [];
  const step = Math.max(1, (width * height) / SAMPLES);
  for (let i = 0; i < width * height; i += step) {
    const at = Math.floor(i) * 4;
    if (data[at + 3] >= 128) pixels.push([data[at], data[at + 1], data[at + 2]]);
  }
  return pixels;
}

/** Each one as far as possible from those chosen before it: small but striking colours get their chance. */
function startingColors(pixels: Color[], count: number): Color[] {
  if (pixels.length === 0) return [];
  const chosen = [pixels[0]];
  const gaps = pixels.map((pixel) => distance(pixel, chosen[0]));
  while (chosen.length < count) {
    let farthest = 0;
    for (let i = 1; i < gaps.length; i++) if (gaps[i] > gaps[farthest]) farthest = i;
    if (gaps[farthest] === 0) break;
    const next = pixels[farthest];
    chosen.push(next);
    for (let i = 0; i < gaps.length; i++) gaps[i] = Math.min(gaps[i], distance(pixels[i], next));
  }
  return chosen;
}

function nearest(centers: Color[], pixel: Color): number {
  let best = 0;
  for (let i = 1; i < centers.length; i++) {
    if (distance(centers[i], pixel) < distance(centers[best], pixel)) best = i;
  }
  return best;
}

/** Squared. */
function distance(a: Color, b: Color): number {
  return (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2;
}

function toHex(color: Color): string {
  return `#${color.map((part) => Math.round(part).toString(16).padStart(2, "0")).join("")}`;
}
