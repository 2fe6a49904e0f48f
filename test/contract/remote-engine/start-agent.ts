import { spawn } from "node:child_process";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { tmpDir } from "../../helpers/tmp-dir.ts";

/** An agent as a process of its own; it and its replicas end with the test. */
export async function startAgent(t: TestContext): Promise<{ url: string; pid: number }> {
  const dir = await tmpDir(t, "pa-");
  const script = fileURLToPath(new URL("agent.ts", import.meta.url));
  const agent = spawn(process.execPath, ["--import", "tsx", script, dir], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = new Promise<void>((resolve) => agent.once("close", () => resolve()));
  t.after(async () => {
    agent.stdin.end();
    await ended;
  });
  const port = await new Promise<string>((resolve, reject) => {
    agent.stdout.setEncoding("utf8").once("data", (text: string) => resolve(text.trim()));
    agent.once("close", () => reject(new Error("the agent has ended")));
  });
  return { url: `http://127.0.0.1:${port}`, pid: agent.pid as number };
}
