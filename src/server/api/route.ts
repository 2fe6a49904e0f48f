import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { KeyScope } from "../../protocol/host-api.ts";

/** One entry of the API; api-server.ts does authentication, limits, error answers and the audit log for all alike. */
export interface Route {
  method: "GET" | "POST" | "PUT" | "DELETE" | "HEAD";
  /** "/v1/models/:model/pushes/:push:commit": a name ends at the next `/`, or at a literal `:suffix` at the end. */
  path: string;
  /**
   * The least that a key must be allowed; `none` needs no key, `any` a valid one. Where the path has `:model`, the
   * key must be good for that model, too.
   */
  scope: "none" | "any" | KeyScope;
  /** What the audit log calls it; every mutating route has one. */
  audit?: string;
  handle(call: ApiCall): Promise<void> | void;
}

export interface ApiCall {
  req: IncomingMessage;
  res: ServerResponse;
  headers: IncomingHttpHeaders;
  /** Decoded. */
  params: Record<string, string>;
  url: URL;
  requestId: string;
  /** `none` routes have an empty id. */
  key: CallKey;
  /** Fires when the client has gone before it was answered in full. */
  signal: AbortSignal;
  json(status: number, value: unknown, headers?: OutgoingHttpHeaders): void;
  /** Throws HostError BODY_TOO_LARGE, REQUEST_TIMEOUT, BAD_REQUEST. An absent body is `undefined`. */
  readJson(limitBytes: number): Promise<unknown>;
  /** Throws HostError FORBIDDEN unless the key is good for the model; for routes without `:model` in the path. */
  requireModel(model: string): void;
  /** Added to what the audit log keeps of this call. Never a secret's value. `model` is kept in its own column. */
  audit(detail: Record<string, unknown>): void;
}

export interface CallKey {
  id: string;
  name: string;
  scope: KeyScope;
  models: string[] | null;
}
