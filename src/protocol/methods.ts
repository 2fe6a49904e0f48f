/**
 * The methods of the model contract that clients call: the one table that frames, routes, OpenAPI, the definition
 * check, change analysis, examples, types and the deployment server read. A method is added here, and nowhere else.
 */
interface MethodRow {
  name: string;
  /** Where it is called with POST. The first path is the one that our own clients use. */
  paths: readonly string[];
  /** How server-sent events of its streams are written; see runtime/model/client-wishes.ts. */
  events: "plain" | "named" | "done";
  /** Its answer is a transcript, which is written in the `response_format` that the client asks for. */
  transcript?: true;
  /** Its clients send forms: which of the fields are no texts. */
  form?: { numbers: readonly string[]; booleans: readonly string[] };
}

const AUDIO_FORM = { numbers: ["temperature"], booleans: ["stream"] };

/** A method's number on the channel is its place here; `predict` is the first. */
export const CALLABLE_METHODS = [
  { name: "predict", paths: ["/predict", "/invocations"], events: "plain" },
  { name: "chatCompletions", paths: ["/v1/chat/completions"], events: "done" },
  { name: "completions", paths: ["/v1/completions"], events: "done" },
  { name: "embeddings", paths: ["/v1/embeddings"], events: "plain" },
  { name: "messages", paths: ["/v1/messages"], events: "named" },
  { name: "countTokens", paths: ["/v1/messages/count_tokens"], events: "plain" },
  { name: "responses", paths: ["/v1/responses"], events: "named" },
  {
    name: "transcriptions",
    paths: ["/v1/audio/transcriptions"],
    events: "named",
    transcript: true,
    form: AUDIO_FORM,
  },
  {
    name: "translations",
    paths: ["/v1/audio/translations"],
    events: "named",
    transcript: true,
    form: AUDIO_FORM,
  },
  { name: "speech", paths: ["/v1/audio/speech"], events: "named" },
  { name: "imageGenerations", paths: ["/v1/images/generations"], events: "named" },
  { name: "moderations", paths: ["/v1/moderations"], events: "plain" },
  { name: "rerank", paths: ["/v1/rerank", "/v2/rerank"], events: "plain" },
] as const satisfies readonly MethodRow[];

export type CallableMethod = (typeof CALLABLE_METHODS)[number]["name"];
export type Method = CallableMethod | "websocket";

export const CALLABLE_NAMES: readonly CallableMethod[] = CALLABLE_METHODS.map(({ name }) => name);

/** Methods by their number on the channel. */
export const METHODS: readonly Method[] = [...CALLABLE_NAMES, "websocket"];

/** Methods that the runtime calls around those of clients. */
export const HOOKS = [
  "preprocess",
  "postprocess",
  "predictBatch",
  "load",
  "setupEnvironment",
  "isHealthy",
  "shutdown",
] as const;

/** Hooks that run before the model is ready, and may run again when its environment changes. */
export const LOADING_HOOKS = ["load", "setupEnvironment"] as const;

const PREDICT = 0;
const BY_NAME = new Map<string, MethodRow>(CALLABLE_METHODS.map((row) => [row.name, row]));

/** `predict` has hooks, batches and a slot; the number is one of the channel. */
export function isPredict(number: number): boolean {
  return number === PREDICT;
}

export function methodNumber(name: Method): number {
  return METHODS.indexOf(name);
}

/** What the table says of a method; a WebSocket has no row. */
export function methodRow(number: number): MethodRow | undefined {
  return CALLABLE_METHODS[number];
}

export function rowOfMethod(name: string): MethodRow | undefined {
  return BY_NAME.get(name);
}

/** Where a method of a model is called (model contract §6). */
export function methodPath(name: CallableMethod): string {
  return BY_NAME.get(name)?.paths[0] as string;
}

/** Routes whose request names its model in the body, as OpenAI, Anthropic and Cohere have them: all but predict's. */
export const NAMED_BY_BODY: ReadonlySet<string> = new Set(
  CALLABLE_METHODS.slice(PREDICT + 1).flatMap(({ paths }) => [...paths]),
);
