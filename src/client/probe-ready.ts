import { request } from "node:http";

/** Does the model behind this address say that it is ready? Any trouble is a no. */
export function probeReady(address: string, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const place = address.startsWith("unix:") ? { socketPath: address.slice("unix:".length) } : address;
    const options = { path: "/health/ready", timeout: timeoutMs, agent: false as const };
    const probe =
      typeof place === "string"
        ? request(new URL(options.path, place), options)
        : request({ ...place, ...options });
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
