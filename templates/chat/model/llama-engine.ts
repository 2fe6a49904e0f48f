import type * as NodeLlamaCpp from "node-llama-cpp";
import type { LlamaContext, LlamaContextSequence, LlamaModel } from "node-llama-cpp";
import type { Engine, Generation, Message, Sampling } from "./engine.ts";
import { PieceQueue } from "./piece-queue.ts";

export interface LlamaOptions {
  /** Generations at the same time; each has a memory of its own. */
  sequences: number;
  threads: number;
}

interface PromptOptions {
  maxTokens: number;
  temperature: number;
  topP: number;
  seed: number;
  signal: AbortSignal;
  onToken(tokens: readonly number[]): void;
  onTextChunk(text: string): void;
}

/** Runs a GGUF file with llama.cpp. */
export class LlamaEngine implements Engine {
  private readonly package: typeof NodeLlamaCpp;
  private readonly model: LlamaModel;
  private readonly context: LlamaContext;

  private constructor(nodeLlamaCpp: typeof NodeLlamaCpp, model: LlamaModel, context: LlamaContext) {
    this.package = nodeLlamaCpp;
    this.model = model;
    this.context = context;
  }

  static async load(modelPath: string, options: LlamaOptions): Promise<LlamaEngine> {
    const nodeLlamaCpp = await importNodeLlamaCpp();
    // "never": its prebuilt binaries or none. Compiling llama.cpp is nothing for the start of a server.
    const llama = await nodeLlamaCpp.getLlama({ build: "never" });
    const model = await llama.loadModel({ modelPath });
    return new LlamaEngine(nodeLlamaCpp, model, await model.createContext(options));
  }

  chat(messages: Message[], sampling: Sampling): Generation {
    const last = messages.at(-1);
    const isQuestion = last?.role === "user";
    return this.generate(sampling, async (contextSequence, options) => {
      const session = new this.package.LlamaChatSession({ contextSequence });
      session.setChatHistory(
        (isQuestion ? messages.slice(0, -1) : messages).map(({ role, content }) =>
          role === "assistant" ? { type: "model", response: [content] } : { type: role, text: content },
        ),
      );
      const { stopReason } = await session.promptWithMeta(isQuestion ? last.content : "", options);
      return stopReason;
    });
  }

  complete(prompt: string, sampling: Sampling): Generation {
    return this.generate(sampling, async (contextSequence, options) => {
      const completion = new this.package.LlamaCompletion({ contextSequence });
      const { metadata } = await completion.generateCompletionWithMeta(prompt, options);
      return metadata.stopReason;
    });
  }

  countTokens(text: string): number {
    return this.model.tokenize(text).length;
  }

  /** node-llama-cpp calls back with each piece; the generator hands out what has come in. */
  private async *generate(
    sampling: Sampling,
    run: (sequence: LlamaContextSequence, options: PromptOptions) => Promise<string>,
  ): Generation {
    const sequence = this.context.getSequence();
    // Aborts too when the caller stops listening, at a stop string for example.
    const abort = new AbortController();
    const pieces = new PieceQueue();
    let tokens = 0;
    const finished = run(sequence, {
      maxTokens: sampling.maxTokens,
      temperature: sampling.temperature,
      topP: sampling.topP,
      seed: sampling.seed,
      signal: AbortSignal.any([sampling.signal, abort.signal]),
      onToken: (made) => {
        tokens += made.length;
      },
      onTextChunk: (text) => {
        pieces.push({ text, tokens });
        tokens = 0;
      },
    });
    const ended = finished.then(pieces.end, pieces.end);
    try {
      yield* pieces;
      // The last tokens may have made no text.
      if (tokens > 0) yield { text: "", tokens };
      return (await finished) === "maxTokens" ? "length" : "stop";
    } finally {
      abort.abort();
      await ended;
      sequence.dispose();
    }
  }
}

/** Imported when it is needed: the built-in engine runs without the package. */
async function importNodeLlamaCpp(): Promise<typeof NodeLlamaCpp> {
  try {
    return await import("node-llama-cpp");
  } catch (cause) {
    throw new Error("model_metadata.gguf needs a package: npm install node-llama-cpp", { cause });
  }
}
