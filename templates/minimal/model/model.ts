import { HttpError, type ModelContext } from "purlin";

interface Input {
  text: string;
}

export class Model {
  private readonly wordsPerMinute: number;
  private words!: Intl.Segmenter;
  private sentences!: Intl.Segmenter;

  // Runs first. Take what you need: config, dataDir, secrets, environment, weights.
  constructor({ config }: ModelContext) {
    this.wordsPerMinute = config.model_metadata.words_per_minute;
  }

  // Runs once, before any request. Whatever is slow belongs here: reading weights, opening sessions.
  async load() {
    this.words = new Intl.Segmenter(undefined, { granularity: "word" });
    this.sentences = new Intl.Segmenter(undefined, { granularity: "sentence" });
  }

  // Runs on every request. The input is the parsed JSON body; what you return is sent as JSON.
  predict({ text }: Input) {
    // An HttpError is the answer the caller sees; any other error is a plain 500 with its stack in the log.
    if (typeof text !== "string") throw new HttpError(400, "`text` must be a string");

    const words = [...this.words.segment(text)].filter((segment) => segment.isWordLike).length;
    return {
      words,
      sentences: [...this.sentences.segment(text)].length,
      characters: [...text].length,
      reading_seconds: Math.round((words / this.wordsPerMinute) * 600) / 10,
    };
  }
}
