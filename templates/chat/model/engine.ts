export interface Message {
  role: "system" | "user" | "assistant";
  content: string;
}

export interface Sampling {
  maxTokens: number;
  /** 0 takes the likeliest token each time. */
  temperature: number;
  topP: number;
  /** The same seed and prompt give the same text. */
  seed: number;
  signal: AbortSignal;
}

export interface Piece {
  text: string;
  tokens: number;
}

export type FinishReason = "stop" | "length";

/** Yields pieces as they are made; returns why there are no more. Throws when the signal aborts. */
export type Generation = AsyncGenerator<Piece, FinishReason>;

/** What makes the text. `ngram-engine.ts` and `llama-engine.ts` are two; a third one needs these three methods. */
export interface Engine {
  chat(messages: Message[], sampling: Sampling): Generation;
  complete(prompt: string, sampling: Sampling): Generation;
  countTokens(text: string): number;
}
