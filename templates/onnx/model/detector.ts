import { InferenceSession } from "onnxruntime-node";
import type { Quad } from "./geometry.ts";
import { type Image, resize } from "./image.ts";
import { findRegions } from "./regions.ts";
import { imageTensor } from "./tensor.ts";

/** Larger images are shrunk to this for finding lines. An area, not a side: a long thin strip keeps its height. */
const MAX_PIXELS = 960 * 960;
const NORMALISATION = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/** Finds lines of text: PP-OCRv4 mobile, a network that tells for each pixel how likely it belongs to text. */
export class Detector {
  private readonly session: InferenceSession;

  private constructor(session: InferenceSession) {
    this.session = session;
  }

  static async load(weights: string, options: InferenceSession.SessionOptions): Promise<Detector> {
    return new Detector(await InferenceSession.create(weights, options));
  }

  /** Rectangles in pixels of the image. */
  async detect(image: Image): Promise<Quad[]> {
    const shrink = Math.min(1, Math.sqrt(MAX_PIXELS / (image.width * image.height)));
    const width = toMultipleOf32(image.width * shrink);
    const height = toMultipleOf32(image.height * shrink);
    const input = imageTensor(await resize(image, width, height), width, height, NORMALISATION);

    const outputs = await this.session.run({ [this.session.inputNames[0]]: input });
    const values = outputs[this.session.outputNames[0]].data as Float32Array;
    return findRegions({ values, width, height }).map(
      (quad) =>
        quad.map(([x, y]) => [(x * image.width) / width, (y * image.height) / height]) as unknown as Quad,
    );
  }
}

/** The network halves its input five times. */
function toMultipleOf32(side: number): number {
  return Math.max(32, Math.round(side / 32) * 32);
}
