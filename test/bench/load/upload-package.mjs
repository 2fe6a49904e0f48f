// Sends a package and commits it to a side environment: node --import tsx upload-package.mjs URL KEY PACKAGE
import { readFileSync } from "node:fs";
import { openHostConnection } from "../../../src/client/host-connection.ts";
import { pushPackage } from "../../../src/client/transfer/push-package.ts";
import { TRANSFER_LIMITS } from "../../../src/protocol/transfer.ts";

const [url, key, dir] = process.argv.slice(2);
const manifest = JSON.parse(readFileSync(`${dir}/purlin.json`, "utf8"));
const connection = await openHostConnection({ url, key });
let done = 0;
let ended = 0;
const began = performance.now();
await pushPackage({
  connection,
  dir,
  manifest,
  limits: TRANSFER_LIMITS,
  commit: { environment: "bench" },
  onOpened() {},
  onProgress({ acknowledged }) {
    done = acknowledged;
    ended = performance.now();
  },
});
await connection.close();
console.log(JSON.stringify({ bytes: done, ms: ended - began }));
