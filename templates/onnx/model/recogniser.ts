import { readFile } from "node:fs/promises";
import { InferenceSession } from "onnxruntime-node";
import { distance, type Quad } from "./geometry.ts";
import { cutOut, type Image } from "./image.ts";
import { imageTensor } from "./tensor.ts";

const HEIGHT = 48;
const NORMALISATION = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };
/**
 * Two words are apart when the space's probability, summed over the slices between their letters, exceeds this.
 * It is rarely the likeliest class of a single slice: a narrow gap is spread over two, and the network, trained
 * on Chinese as well, saw few of them.
 */
const SPACE_THRESHOLD = 0.15;

export interface Reading {
  text: string;
  /** From 0 to 1, the mean over its characters. */
  confidence: number;
}

/** Reads one line of text: PP-OCRv4 mobile, trained on English and Chinese. */
export class Recogniser {
  private readonly session: InferenceSession;
  /** What each output class stands for; class 0 is "no character here". */
  private readonly characters: string[];

  private constructor(session: InferenceSession, characters: string[]) {
    this.session = session;
    this.characters = characters;
  }

  static async load(weights: string, dictionary: string, options: InferenceSession.SessionOptions) {
    const [session, lines] = await Promise.all([
      InferenceSession.create(weights, options),
      readFile(dictionary, "utf8"),
    ]);
    return new Recogniser(session, ["", ...lines.replace(/\n$/, "").split("\n"), " "]);
  }

  async read(image: Image, box: Quad): Promise<Reading> {
    const line = alongTheText(box);
    const aspect = distance(line[0], line[1]) / distance(line[0], line[3]);
    const width = Math.max(HEIGHT, Math.round(HEIGHT * aspect));
    const input = imageTensor(cutOut(image, line, width, HEIGHT), width, HEIGHT, NORMALISATION);

    const outputs = await this.session.run({ [this.session.inputNames[0]]: input });
    const output = outputs[this.session.outputNames[0]];
    return this.decode(output.data as Float32Array, output.dims[2]);
  }

  /**
   * The network answers for each narrow slice of the line (CTC): the same class in neighbouring slices is one
   * character, and class 0 stands between two equal ones.
   */
  private decode(probabilities: Float32Array, classes: number): Reading {
    const space = classes - 1;
    let text = "";
    let sum = 0;
    let count = 0;
    let previous = 0;
    let gap = 0;
    for (let at = 0; at < probabilities.length; at += classes) {
      let best = 0;
      for (let c = 1; c < classes; c++) if (probabilities[at + c] > probabilities[at + best]) best = c;
      gap += probabilities[at + space];
      if (best !== 0 && best !== space && best !== previous) {
        text += (text !== "" && gap > SPACE_THRESHOLD ? " " : "") + this.characters[best];
        sum += probabilities[at + best];
        count++;
        gap = 0;
      }
      previous = best;
    }
    return { text, confidence: count === 0 ? 0 : sum / count };
  }
}

/** A box much higher than wide holds a line that runs downwards: its text starts at the top right. */
function alongTheText(box: Quad): Quad {
  const [topLeft, topRight, bottomRight, bottomLeft] = box;
  const upright = distance(topLeft, bottomLeft) < 1.5 * distance(topLeft, topRight);
  return upright ? box : [topRight, bottomRight, bottomLeft, topLeft];
}
