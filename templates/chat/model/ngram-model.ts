import { END, tokenize } from "./tokens.ts";

/** How often each token followed a context. */
type Counts = Map<string, number>;

/** How many tokens before the next one are looked at, at most. */
const CONTEXT = 3;

export interface Choice {
  temperature: number;
  topP: number;
  random: () => number;
  /** Tokens to prefer, in lower case. */
  topic: Set<string>;
}

/** Which word follows which: counted over a text, for contexts of up to three words. */
export class NgramModel {
  private readonly counts = new Map<string, Counts>();

  constructor(text: string) {
    for (const line of text.split("\n")) {
      const tokens = tokenize(line);
      if (tokens.length > 0) this.count([END, ...tokens, END]);
    }
  }

  /** The next token after these, or END. */
  next(tokens: string[], choice: Choice): string {
    for (let length = Math.min(CONTEXT, tokens.length); length > 0; length--) {
      const counts = this.counts.get(keyOf(tokens.slice(-length)));
      if (!counts) continue;
      const isLast = length === 1 || choice.temperature === 0;
      if (isLast || !this.backsOff(counts, choice.random)) return pick(counts, choice);
    }
    // A word that the text does not have: go on as if a sentence began.
    return pick(this.counts.get(END) ?? new Map([[END, 1]]), choice);
  }

  /**
   * Whether to look at fewer words (Witten and Bell): the more different words were seen after these, the
   * likelier is yet another one. Without it the text would be a copy of the corpus.
   */
  private backsOff(counts: Counts, random: () => number): boolean {
    let total = 0;
    for (const count of counts.values()) total += count;
    return random() * (total + counts.size) > total;
  }

  private count(tokens: string[]): void {
    for (let at = 1; at < tokens.length; at++) {
      for (let length = 1; length <= Math.min(CONTEXT, at); length++) {
        const key = keyOf(tokens.slice(at - length, at));
        const counts = this.counts.get(key) ?? new Map<string, number>();
        counts.set(tokens[at], (counts.get(tokens[at]) ?? 0) + 1);
        this.counts.set(key, counts);
      }
    }
  }
}

function keyOf(tokens: string[]): string {
  return tokens.join(" ").toLowerCase();
}

function pick(counts: Counts, { temperature, topP, random, topic }: Choice): string {
  const weighted = [...counts]
    .map(([token, count]) => ({ token, weight: count * (topic.has(token.toLowerCase()) ? 20 : 1) }))
    .sort((a, b) => b.weight - a.weight);
  if (temperature === 0) return weighted[0].token;

  const weights = weighted.map(({ weight }) => weight ** (1 / temperature));
  let left = sum(weights) * topP * random();
  const index = weights.findIndex((weight) => (left -= weight) < 0);
  return weighted[index === -1 ? 0 : index].token;
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
