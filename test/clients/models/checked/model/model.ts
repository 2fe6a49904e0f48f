type Part = { kind: "beam"; name: string } | { kind: "plate"; holes?: string[] };

interface Order {
  /** Who has ordered. @minLength 1 */
  customer: string;
  parts: Part[];
  notes?: Record<string, string | null>;
  due?: Date;
}

interface Offer {
  customer: string;
  parts: number;
  made: Date;
}

interface Vectors {
  object: "list";
  model: string;
  data: { object: "embedding"; index: number; embedding: number[] }[];
  usage: { prompt_tokens: number; total_tokens: number };
}

interface Chat {
  model: string;
  messages: { role: "user" | "assistant"; content: string }[];
}

interface Completion {
  id: string;
  object: "chat.completion";
  created: number;
  model: string;
  choices: { index: number; message: { role: "assistant"; content: string }; finish_reason: "stop" }[];
}

/** Total: no input that its types allow makes it fail, or compute what JSON cannot hold. */
export class Model {
  predict({ customer, parts }: Order): Offer {
    return { customer, parts: parts.length, made: new Date(0) };
  }

  embeddings(input: {
    model: string;
    input: string | string[];
    encoding_format?: "float" | "base64";
  }): Vectors {
    const data = [input.input].flat().map((text, index) => {
      return { object: "embedding" as const, index, embedding: [text.length] };
    });
    return { object: "list", model: input.model, data, usage: { prompt_tokens: 1, total_tokens: 1 } };
  }

  chatCompletions({ model, messages }: Chat): Completion {
    const content = messages.at(-1)?.content.toUpperCase() ?? "";
    const choices = [
      { index: 0, message: { role: "assistant" as const, content }, finish_reason: "stop" as const },
    ];
    return { id: "c1", object: "chat.completion", created: 1, model, choices };
  }
}
