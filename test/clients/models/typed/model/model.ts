type Part = { kind: "beam"; length: number } | { kind: "plate"; width: number; height: number };

interface Order {
  /** Who has ordered. @minLength 1 */
  customer: string;
  parts: Part[];
  /** @default 1 @minimum 0 */
  factor?: number;
  notes?: Record<string, string | null>;
  due?: Date;
}

interface Offer {
  customer: string;
  size: number;
  made: Date;
}

interface Vectors {
  object: "list";
  model: string;
  data: { object: "embedding"; index: number; embedding: number[] }[];
  usage: { prompt_tokens: number; total_tokens: number };
}

export class Model {
  /** The size of all parts. */
  predict({ customer, parts, factor = 1 }: Order): Offer {
    const sizes = parts.map((part) => (part.kind === "beam" ? part.length : part.width * part.height));
    return { customer, size: factor * sizes.reduce((sum, size) => sum + size, 0), made: new Date(0) };
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
}
