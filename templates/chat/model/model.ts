import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { ModelContext } from "purlin";
import type { Engine } from "./engine.ts";
import { LlamaEngine } from "./llama-engine.ts";
import { NgramEngine } from "./ngram-engine.ts";
import { answer, CHAT, COMPLETION } from "./openai-answer.ts";
import {
  type ChatRequest,
  type CompletionRequest,
  type GenerationRequest,
  readMessages,
  readPrompt,
  readSampling,
  readStops,
} from "./openai-request.ts";
import { respond } from "./responses-answer.ts";
import { asChatRequest, type ResponsesRequest } from "./responses-request.ts";
import { stopAt } from "./stop-at.ts";

export class Model {
  private readonly config: ModelContext["config"];
  private readonly dataDir: string;
  private engine!: Engine;

  constructor({ config, dataDir }: ModelContext) {
    this.config = config;
    this.dataDir = dataDir;
  }

  async load() {
    const { gguf, tokens_per_second, threads } = this.config.model_metadata;
    if (gguf) {
      const sequences = this.config.runtime.predict_concurrency;
      this.engine = await LlamaEngine.load(resolve(this.dataDir, gguf), { sequences, threads: threads ?? 1 });
    } else {
      const corpus = await readFile(join(this.dataDir, "corpus.txt"), "utf8");
      this.engine = new NgramEngine(corpus, tokens_per_second ?? null);
    }
  }

  /** POST /predict: continues `prompt`, as a stream of plain text. */
  async *predict(input: GenerationRequest & { prompt: string }, request: Request) {
    const generation = this.engine.complete(readPrompt(input), readSampling(input, request.signal));
    for await (const { text } of stopAt(generation, readStops(input))) if (text !== "") yield text;
  }

  /** POST /v1/chat/completions */
  async chatCompletions(input: ChatRequest, request: Request) {
    const messages = readMessages(input);
    const generation = this.engine.chat(messages, readSampling(input, request.signal));
    const prompt = messages.map(({ content }) => content).join("\n");
    return this.answer(CHAT, generation, input, prompt);
  }

  /** POST /v1/completions */
  async completions(input: CompletionRequest, request: Request) {
    const prompt = readPrompt(input);
    return this.answer(
      COMPLETION,
      this.engine.complete(prompt, readSampling(input, request.signal)),
      input,
      prompt,
    );
  }

  /** POST /v1/responses */
  async responses(input: ResponsesRequest, request: Request) {
    const chat = asChatRequest(input);
    const messages = readMessages(chat);
    const generation = this.engine.chat(messages, readSampling(chat, request.signal));
    return respond(generation, {
      model: input.model ?? this.config.model_name,
      promptTokens: this.engine.countTokens(messages.map(({ content }) => content).join("\n")),
      stream: input.stream === true,
    });
  }

  private answer(
    format: typeof CHAT,
    generation: ReturnType<Engine["chat"]>,
    input: GenerationRequest,
    prompt: string,
  ) {
    return answer(stopAt(generation, readStops(input)), {
      format,
      request: input,
      model: input.model ?? this.config.model_name,
      promptTokens: this.engine.countTokens(prompt),
    });
  }
}
