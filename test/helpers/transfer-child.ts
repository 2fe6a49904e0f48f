// One side of a transfer as a process of its own, so that it can be killed: `server DATA` or `push URL DIR`.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openHostConnection } from "../../src/client/host-connection.ts";
import { pushPackage } from "../../src/client/transfer/push-package.ts";
import type { PackageManifest } from "../../src/protocol/manifest.ts";
import { TRANSFER_LIMITS } from "../../src/protocol/transfer.ts";
import { startTransferServer, TRANSFER_KEY } from "./transfer-server.ts";

const [role, first = "", second = ""] = process.argv.slice(2);
const limits = { ...TRANSFER_LIMITS, part_bytes: 4 * 1024 * 1024 };
const say = (line: string): boolean => process.stdout.write(`${line}\n`);

if (role === "server") {
  const server = await startTransferServer({ after() {} }, { dir: first, limits });
  say(`listening ${server.url}`);
} else {
  const connection = await openHostConnection({ url: first, key: TRANSFER_KEY });
  await pushPackage({
    connection,
    dir: second,
    manifest: JSON.parse(readFileSync(join(second, "manifest.json"), "utf8")) as PackageManifest,
    limits,
    commit: { environment: "production" },
    onOpened() {},
    onProgress: ({ sent, acknowledged }) => say(`progress ${acknowledged} ${sent}`),
  });
  say("committed");
  await connection.close();
}
