/** A bare sha256 loop over the files of a folder: readSync of 1 MiB, one core, nothing else. */
import { createHash } from "node:crypto";
import { closeSync, openSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";

const folder = process.argv[2];
const buffer = Buffer.allocUnsafeSlow(1024 * 1024);
for (const name of readdirSync(folder)) {
  const hash = createHash("sha256");
  const fd = openSync(join(folder, name), "r");
  for (let read = readSync(fd, buffer); read > 0; read = readSync(fd, buffer))
    hash.update(buffer.subarray(0, read));
  closeSync(fd);
  console.log(hash.digest("hex"));
}
