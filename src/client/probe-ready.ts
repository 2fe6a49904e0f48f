import { request } from "node:http";
import type { Address } from "../protocol/address.ts";
import { placeOf } from "./place-of.ts";

/** Does the model behind this address say that it is ready? Any trouble is a no. */
export function probeReady(address: Address, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const options = { path: "/health/ready", timeout: timeoutMs, agent: false as const };
    const probe = request({ ...placeOf(address), ...options });
    // One that trickles its answer is as bad as one that says nothing.
    const limit = setTimeout(() => probe.destroy(), timeoutMs);
    probe.on("response", (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    probe.on("error", () => resolve(false));
    probe.on("close", () => {
      clearTimeout(limit);
      resolve(false);
    });
    probe.end();
  });
}
