import { setImmediate as nextTurn, setTimeout as delay } from "node:timers/promises";
import type { Engine, Generation, Message, Sampling } from "./engine.ts";
import { NgramModel } from "./ngram-model.ts";
import { randomNumbers } from "./random.ts";
import { END, spaced, tokenize } from "./tokens.ts";

/** Imitates a text: it needs no package and no weights, and knows nothing. */
export class NgramEngine implements Engine {
  private readonly model: NgramModel;
  private readonly tokensPerSecond: number | null;

  constructor(corpus: string, tokensPerSecond: number | null) {
    this.model = new NgramModel(corpus);
    this.tokensPerSecond = tokensPerSecond;
  }

  /** Starts a new line, drawn to the words of the last message. */
  chat(messages: Message[], sampling: Sampling): Generation {
    const words = tokenize(messages.at(-1)?.content ?? "").map((word) => word.toLowerCase());
    return this.generate([END], new Set(words.filter((word) => word.length > 3)), sampling);
  }

  complete(prompt: string, sampling: Sampling): Generation {
    return this.generate([END, ...tokenize(prompt)], new Set(), sampling);
  }

  countTokens(text: string): number {
    return tokenize(text).length;
  }

  private async *generate(context: string[], topic: Set<string>, sampling: Sampling): Generation {
    const { temperature, topP, signal } = sampling;
    const random = randomNumbers(sampling.seed);
    const tokens = [...context];
    let due = performance.now();

    for (let made = 0; made < sampling.maxTokens; made++) {
      const token = this.model.next(tokens, { temperature, topP, random, topic });
      if (token === END) return "stop";
      // Said once, it is said: preferred for ever, the same words would come round and round.
      topic.delete(token.toLowerCase());

      // Either way other requests get their turn, and an abort its chance, between two tokens.
      if (this.tokensPerSecond === null) await nextTurn(undefined, { signal });
      else await delay((due += 1000 / this.tokensPerSecond) - performance.now(), undefined, { signal });
      yield { text: spaced(token, tokens.length === 1), tokens: 1 };
      tokens.push(token);
    }
    return "length";
  }
}
