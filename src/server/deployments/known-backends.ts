import type { Address } from "../../protocol/address.ts";
import type { Backends } from "../replicas/engine.ts";

/** Hands replicas on to those who use them, and knows where each of them is. */
export class KnownBackends implements Backends {
  readonly #backends: Backends;
  readonly #addresses = new Map<string, Address>();

  constructor(backends: Backends) {
    this.#backends = backends;
  }

  /** By id; those that take requests. */
  get addresses(): ReadonlyMap<string, Address> {
    return this.#addresses;
  }

  add(backend: { id: string; address: Address }): void {
    this.#addresses.set(backend.id, backend.address);
    this.#backends.add(backend);
  }

  remove(id: string): Promise<void> {
    this.#addresses.delete(id);
    return this.#backends.remove(id);
  }
}
