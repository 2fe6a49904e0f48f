/**
 * A bare sha256 loop over the files of a folder: readSync of 1 MiB, one core, nothing else. With a second folder it
 * writes what it has hashed there as well. Usage: hash-loop.mjs FOLDER [COPY_TO]
 */
import { createHash } from "node:crypto";
import { closeSync, mkdirSync, openSync, readdirSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";

const [folder, copyTo] = process.argv.slice(2);
if (copyTo !== undefined) mkdirSync(copyTo, { recursive: true });
const buffer = Buffer.allocUnsafeSlow(1024 * 1024);
for (const name of readdirSync(folder)) {
  const hash = createHash("sha256");
  const fd = openSync(join(folder, name), "r");
  const copy = copyTo === undefined ? null : openSync(join(copyTo, name), "w");
  for (let read = readSync(fd, buffer); read > 0; read = readSync(fd, buffer)) {
    hash.update(buffer.subarray(0, read));
    if (copy !== null) writeSync(copy, buffer, 0, read);
  }
  if (copy !== null) closeSync(copy);
  closeSync(fd);
  console.log(hash.digest("hex"));
}
