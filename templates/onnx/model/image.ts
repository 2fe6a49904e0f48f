import sharp from "sharp";
import { HttpError } from "purlin";
import { between, distance, type Quad } from "./geometry.ts";

/** Phone cameras give more pixels than reading needs; beyond this side they only cost memory. */
const MAX_SIDE = 2400;

/** 8-bit RGB, row by row. */
export interface Image {
  pixels: Uint8Array;
  width: number;
  height: number;
  /** Pixels of the picture as it was sent, for each pixel here. */
  scale: number;
}

/** Decodes PNG, JPEG, WebP, AVIF, GIF, TIFF or SVG; turned upright, on white where it is transparent. */
export async function decodeImage(bytes: Uint8Array): Promise<Image> {
  try {
    const source = sharp(bytes, { limitInputPixels: 100_000_000 }).autoOrient();
    const { autoOrient: original } = await source.metadata();
    const { data, info } = await source
      .resize(MAX_SIDE, MAX_SIDE, { fit: "inside", withoutEnlargement: true })
      .flatten({ background: "white" })
      .toColourspace("srgb")
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    return { pixels: data, width: info.width, height: info.height, scale: original.width / info.width };
  } catch (error) {
    // Whatever sharp has to say about it ("unsupported image format") is news for the caller, not a fault of ours.
    throw new HttpError(422, `The image cannot be read: ${(error as Error).message}`, { code: "BAD_IMAGE" });
  }
}

export async function resize(image: Image, width: number, height: number): Promise<Uint8Array> {
  return sharp(image.pixels, { raw: { width: image.width, height: image.height, channels: 3 } })
    .resize(width, height, { fit: "fill" })
    .raw()
    .toBuffer();
}

/** The inside of a rectangle that may be turned, upright and at another size. */
export function cutOut(
  image: Image,
  [topLeft, topRight, bottomRight, bottomLeft]: Quad,
  width: number,
  height: number,
) {
  const out = new Uint8Array(width * height * 3);
  // Where it is shrunk, several samples a pixel are averaged: thin strokes would fall between single ones.
  const samples = Math.max(1, Math.round(distance(topLeft, bottomLeft) / height));
  const sum = [0, 0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      sum.fill(0);
      for (let i = 0; i < samples * samples; i++) {
        const down = (y + (Math.floor(i / samples) + 0.5) / samples) / height;
        const along = (x + ((i % samples) + 0.5) / samples) / width;
        const [px, py] = between(
          between(topLeft, bottomLeft, down),
          between(topRight, bottomRight, down),
          along,
        );
        addPixel(image, px, py, sum);
      }
      for (let c = 0; c < 3; c++) out[(y * width + x) * 3 + c] = sum[c] / (samples * samples);
    }
  }
  return out;
}

/** Blends the four pixels around a point; the border goes on for ever. */
function addPixel({ pixels, width, height }: Image, x: number, y: number, sum: number[]): void {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  for (const [px, py] of [
    [left, top],
    [left + 1, top],
    [left, top + 1],
    [left + 1, top + 1],
  ]) {
    const weight = (1 - Math.abs(x - px)) * (1 - Math.abs(y - py));
    const at = (clamp(py, height) * width + clamp(px, width)) * 3;
    for (let c = 0; c < 3; c++) sum[c] += weight * pixels[at + c];
  }
}

function clamp(value: number, size: number): number {
  return Math.min(size - 1, Math.max(0, value));
}
