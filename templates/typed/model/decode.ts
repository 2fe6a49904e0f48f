import jpeg from "jpeg-js";
import { PNG } from "pngjs";
import { HttpError } from "purlin";

const MAX_PIXELS = 25_000_000;

export interface Bitmap {
  width: number;
  height: number;
  /** RGBA, row by row. */
  data: Uint8Array;
}

/** Both decoders are plain JavaScript: they run wherever Node does. */
export function decode(bytes: Uint8Array): Bitmap {
  try {
    if (bytes[0] !== 0x89)
      return jpeg.decode(bytes, { useTArray: true, maxResolutionInMP: MAX_PIXELS / 1e6 });
    const header = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    // A few kilobytes of PNG can claim to be gigabytes of pixels; the header says so before they are made.
    if (header.readUInt32BE(16) * header.readUInt32BE(20) > MAX_PIXELS) throw new Error("too many pixels");
    return PNG.sync.read(header);
  } catch (cause) {
    throw new HttpError(422, `The image cannot be decoded: ${(cause as Error).message}`, {
      code: "BAD_IMAGE",
      cause,
    });
  }
}

/** The colours side by side, each as wide as its share. */
export function drawPalette(palette: { hex: string; share: number }[]) {
  const png = new PNG({ width: 400, height: 80 });
  let end = 0;
  const edges = palette.map(({ share }) => (end += share));
  for (let x = 0; x < png.width; x++) {
    const index = edges.findIndex((edge) => (x + 0.5) / png.width < edge);
    const { hex } = palette[index === -1 ? palette.length - 1 : index];
    for (let y = 0; y < png.height; y++) {
      png.data.writeUInt32BE(Number.parseInt(`${hex.slice(1)}ff`, 16), (y * png.width + x) * 4);
    }
  }
  return new Uint8Array(PNG.sync.write(png));
}
