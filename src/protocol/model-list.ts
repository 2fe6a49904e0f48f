/** A model as both OpenAI's and Anthropic's clients list it. */
export interface ListedModel {
  id: string;
  object: "model";
  /** Seconds since 1970. */
  created: number;
  owned_by: "purlin";
  type: "model";
  display_name: string;
  /** The same time as ISO 8601. */
  created_at: string;
}

/** `GET /v1/models`, in one page. */
export interface ModelPage {
  object: "list";
  data: ListedModel[];
  has_more: false;
  first_id: string | null;
  last_id: string | null;
}

export function listedModel(id: string, createdAt: Date): ListedModel {
  return {
    id,
    object: "model",
    created: Math.floor(createdAt.getTime() / 1000),
    owned_by: "purlin",
    type: "model",
    display_name: id,
    created_at: createdAt.toISOString(),
  };
}

export function modelPage(data: ListedModel[]): ModelPage {
  return {
    object: "list",
    data,
    has_more: false,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
  };
}
