/**
 * A way to write inputs and answers that is not plain JSON. Formats are in files of their own beside the model
 * process's, loaded at the first request that needs them; they know nothing of jobs, logs or the channel.
 */
export interface WireFormat {
  /** Throws InputError where the body is not what it says it is. */
  decode(request: FormattedRequest): Decoded | Promise<Decoded>;
}

export interface FormattedRequest {
  body: Buffer;
  url: string;
  header(name: string): string;
}

export interface Decoded {
  input: unknown;
  /** How the answer is written, in kind; null for as always. */
  reply: Reply | null;
  /** For `request.inference`. */
  inference?: Inference;
}

export interface Reply {
  /** Throws an Error that names the place of what cannot be sent, or InputError where the request asked wrongly. */
  encode(output: unknown): { contentType: string; headers?: string[]; body: Uint8Array };
  /** One item of a stream; without it a stream is gathered. */
  item?: { contentType: string; encode(value: unknown): Uint8Array };
}

/** What a request of the Open Inference Protocol says beside its tensors. */
export interface Inference {
  id: string | undefined;
  parameters: Record<string, unknown>;
  /** Names of the outputs that are asked for; undefined for all. */
  outputs: string[] | undefined;
}

export type InputErrorCode = "INVALID_MSGPACK" | "INVALID_FORM" | "INVALID_JSON" | "INVALID_INPUT";

/** The caller's mistake: a 400 with this text. */
export class InputError extends Error {
  readonly code: InputErrorCode;

  constructor(code: InputErrorCode, message: string) {
    super(message);
    this.name = "InputError";
    this.code = code;
  }
}

/** By its name: formats and the model process are bundled apart, each with a class of its own. */
export function isInputError(error: unknown): error is InputError {
  return error instanceof Error && error.name === "InputError" && "code" in error;
}
