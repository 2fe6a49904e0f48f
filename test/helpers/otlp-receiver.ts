import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { ReceivedPoint, ReceivedSpan, Resource } from "./decode-otlp.ts";

const PROGRAM = fileURLToPath(new URL("./otlp-receiver-process.ts", import.meta.url));

export interface Received {
  /** Times are texts of nanoseconds. */
  spans: (Omit<ReceivedSpan, "start" | "end"> & { start: string; end: string })[];
  exports: ReceivedPoint[][];
  resources: Resource[];
  headers: Record<string, string>[];
  /** What it could not decode. */
  problems: string[];
  refused: number;
}

export interface OtlpReceiver {
  url: string;
  received(): Promise<Received>;
  /** The next so many requests are answered with that status. */
  refuse(count: number, status: number, retryAfter?: string): Promise<void>;
  stop(): Promise<void>;
}

/** A receiver of OTLP over HTTP, as a process of its own, that decodes strictly what it is sent. */
export async function startOtlpReceiver(t: { after(run: () => Promise<void>): void }): Promise<OtlpReceiver> {
  const child = spawn(process.execPath, ["--import", "tsx", PROGRAM], { stdio: ["pipe", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL");
    await exited;
  };
  t.after(stop);
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  const url = /listening on (\S+)/.exec(line)?.[1] ?? "";
  return {
    url,
    stop,
    received: async () => (await (await fetch(`${url}/received`)).json()) as Received,
    async refuse(count, status, retryAfter = "0") {
      await fetch(`${url}/behave`, { method: "POST", body: JSON.stringify({ count, status, retryAfter }) });
    },
  };
}
