/**
 * The part of node-llama-cpp that llama-engine.ts uses, so that the project type-checks without the package.
 * Delete this file once you have installed it: the package has types of its own.
 */
declare module "node-llama-cpp" {
  export interface LlamaModel {
    tokenize(text: string): readonly number[];
    createContext(options: { sequences: number; threads: number }): Promise<LlamaContext>;
  }

  export interface LlamaContext {
    /** Throws when all sequences are in use. */
    getSequence(): LlamaContextSequence;
  }

  export interface LlamaContextSequence {
    dispose(): void;
  }

  interface PromptOptions {
    maxTokens?: number;
    temperature?: number;
    topP?: number;
    seed?: number;
    signal?: AbortSignal;
    onToken?(tokens: readonly number[]): void;
    onTextChunk?(text: string): void;
  }

  type ChatHistoryItem = { type: "system" | "user"; text: string } | { type: "model"; response: string[] };

  export class LlamaChatSession {
    constructor(options: { contextSequence: LlamaContextSequence });
    setChatHistory(history: ChatHistoryItem[]): void;
    promptWithMeta(prompt: string, options: PromptOptions): Promise<{ stopReason: string }>;
  }

  export class LlamaCompletion {
    constructor(options: { contextSequence: LlamaContextSequence });
    generateCompletionWithMeta(
      prompt: string,
      options: PromptOptions,
    ): Promise<{ metadata: { stopReason: string } }>;
  }

  export function getLlama(options: { build: "never" }): Promise<{
    loadModel(options: { modelPath: string }): Promise<LlamaModel>;
  }>;
}
