import type { Method } from "./config.ts";

export type CallableMethod = Exclude<Method, "websocket">;

/** Where each method of a model is called (model contract §6). */
export const METHOD_PATHS: Record<CallableMethod, string> = {
  predict: "/predict",
  chatCompletions: "/v1/chat/completions",
  completions: "/v1/completions",
  embeddings: "/v1/embeddings",
  messages: "/v1/messages",
  responses: "/v1/responses",
};
