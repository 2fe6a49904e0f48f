import { HostError } from "../host-error.ts";

/** True only where not a byte of the request can have come to the replica. */
export function wasNotSent(error: NodeJS.ErrnoException): boolean {
  return error.syscall === "connect" || (error.code === "EPIPE" && error.syscall === "write");
}

export function lost(what: string): HostError {
  return new HostError("REPLICA_LOST", `The replica ${what}; the request may have been carried out.`, {
    hint: "Send it again if that does no harm; `purlin logs` tells why the replica ended.",
  });
}
