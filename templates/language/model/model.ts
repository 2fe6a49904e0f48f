import { type FastTextModel, getLIDModel } from "fasttext.wasm.js";
import { HttpError } from "purlin";
import { languageOf } from "./languages.ts";

interface Input {
  text: string;
  /** How many candidates to name, 1 to 10; 3. */
  top?: number;
}

/** A text's language tells itself early; more of it only costs time. */
const MAX_CHARACTERS = 10_000;

export class Model {
  private fastText!: FastTextModel;

  /** The package brings the WebAssembly module and the weights, lid.176.ftz. */
  async load() {
    this.fastText = await (await getLIDModel()).load();
  }

  predict({ text, top = 3 }: Input) {
    if (typeof text !== "string") throw new HttpError(400, "`text` must be a string");
    if (!Number.isInteger(top) || top < 1 || top > 10) throw new HttpError(400, "`top` must be from 1 to 10");

    // Digits and emoji speak no language; the model would answer with the commonest one.
    if (!/\p{Letter}/u.test(text)) return { language: null, name: null, confidence: 0, candidates: [] };

    const candidates = this.identify(text.slice(0, MAX_CHARACTERS), top);
    return { ...candidates[0], candidates };
  }

  private identify(text: string, top: number) {
    // fastText reads up to the first line break.
    const found = this.fastText.predict(text.replaceAll(/\s+/g, " "), top);
    try {
      return Array.from({ length: found.size() }, (_, i) => {
        const [probability, label] = found.get(i);
        return { ...languageOf(label), confidence: Number(Math.min(1, probability).toFixed(3)) };
      });
    } finally {
      // It lies in the memory of the WebAssembly module, where no garbage collector looks.
      found.delete();
    }
  }
}
