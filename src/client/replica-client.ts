import { Agent, type ClientRequest, request } from "node:http";
import type { Address } from "../protocol/address.ts";
import { placeOf } from "./place-of.ts";

export interface ReplicaCall {
  method: string;
  /** Target as it goes out, query included. */
  path: string;
  /** Raw: name, value, name, value; duplicates are kept. Framing (content-length, transfer-encoding) included. */
  headers: string[];
}

/**
 * How long a connection is kept for the next request: well below the 75 s of the runtime, so that it is never the
 * replica that hangs up just as a request leaves.
 */
const IDLE_MS = 45_000;

/**
 * Connections to one running model. node:http, and not undici, on purpose: undici takes the end of a connection that
 * says `Connection: close` for the end of the answer, also amid a chunked one, and a proxy would pass a truncated
 * answer on as a whole one; in speed the two are level here.
 */
export class ReplicaClient {
  readonly address: Address;
  readonly #agent: Agent;
  readonly #place: { socketPath: string } | { host: string; port: number };

  constructor(address: Address) {
    this.address = address;
    this.#place = placeOf(address);
    this.#agent = new Agent({ keepAlive: true, maxFreeSockets: 256, timeout: IDLE_MS, noDelay: true });
  }

  /** The caller writes the body, ends the request and listens for `response`, `upgrade`, `information` and `error`. */
  request(call: ReplicaCall): ClientRequest {
    return request({ ...this.#place, ...call, agent: this.#agent, setHost: false });
  }

  /** Ends idle connections and, with them, those in use. */
  close(): void {
    this.#agent.destroy();
  }
}
