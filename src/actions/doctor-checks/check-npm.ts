import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type Check, ok, warn } from "./check.ts";

export async function checkNpm(signal?: AbortSignal): Promise<Check> {
  try {
    const command = process.platform === "win32" ? "npm.cmd" : "npm";
    const { stdout } = await promisify(execFile)(command, ["--version"], {
      timeout: 20_000,
      ...(signal ? { signal } : {}),
    });
    return ok("npm", `npm ${stdout.trim()}`);
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    return warn(
      "npm",
      `npm does not run: ${(error as Error).message.split("\n")[0]}`,
      "It is needed where a model has dependencies, and to build for another platform.",
    );
  }
}
