import type { Address } from "../protocol/address.ts";

/** An address as `node:http` and `node:net` take it. IPv6 hosts lose their brackets. */
export function placeOf(address: Address): { socketPath: string } | { host: string; port: number } {
  if (address.kind === "unix") return { socketPath: address.path };
  const { hostname, port, protocol } = new URL(address.origin);
  return {
    host: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: port === "" ? (protocol === "https:" ? 443 : 80) : Number(port),
  };
}
