import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MAX_UNIX_SOCKET_PATH_BYTES } from "../../protocol/runtime-env.ts";
import type { RuntimeOptions } from "../../supervise/running-runtime.ts";

/** Where nobody else calls: a socket in a folder of its own, or a free loopback port where its path is too long. */
export async function privateAddress(): Promise<{
  listen: RuntimeOptions["listen"];
  remove(): Promise<void>;
}> {
  const folder = await mkdtemp(join(tmpdir(), "purlin-"));
  const socket = join(folder, "s");
  const fits = process.platform !== "win32" && Buffer.byteLength(socket) < MAX_UNIX_SOCKET_PATH_BYTES;
  return {
    listen: fits ? { socket } : { port: 0, host: "127.0.0.1" },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
