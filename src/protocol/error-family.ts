/** Whose clients call a route: OpenAI's and Anthropic's read errors in shapes of their own. */
export type ErrorFamily =
  | "plain"
  | "openai"
  /** OpenAI's newest route, whose streams are events with types. */
  | "openai-responses"
  | "anthropic";

/** Where a host has a deployment's routes. */
const DEPLOYMENT =
  /^\/models\/[^/]+\/(?:production|development|environments\/[^/]+|deployments\/[^/]+)\/sync(?=\/)/;
/** A base address that lacks its `/v1`, or has it twice, is a usual mistake, and is to be told in a shape that is read. */
const VERSION = "^(?:/v1)*";
const ANTHROPIC = new RegExp(`${VERSION}/(?:messages|complete)(?:/|$)`);
const RESPONSES = new RegExp(`${VERSION}/responses(?:/|$)`);
const OPENAI = new RegExp(
  `${VERSION}/(?:chat/completions|completions|embeddings|audio|images|moderations|files|batches|fine_tuning|vector_stores|assistants|threads|realtime|videos|conversations)(?:/|$)`,
);
/** The list of models and one of it. What follows a name, or a colon in it, is of other protocols. */
const MODELS = /^\/v1\/models(?:\/[^/:]+)?$/;

/** `target` is a path with or without a query; both kinds of clients ask for `/v1/models`. */
export function errorFamily(target: string, isAnthropicClient = false): ErrorFamily {
  const path = target.replace(/[?#].*$/s, "").replace(DEPLOYMENT, "");
  if (ANTHROPIC.test(path)) return "anthropic";
  if (RESPONSES.test(path)) return "openai-responses";
  if (MODELS.test(path)) return isAnthropicClient ? "anthropic" : "openai";
  return OPENAI.test(path) ? "openai" : "plain";
}

/** The header that only Anthropic's clients send. */
export const ANTHROPIC_HEADER = "anthropic-version";
