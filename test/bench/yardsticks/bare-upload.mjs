// Bare node:http: a server that hashes and writes what comes, a client that sends the files of a folder, one after the other.
// Usage: bare-upload.mjs FOLDER TO (the server is a process of its own: bare-upload.mjs --server TO)
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, mkdirSync, readdirSync, statSync } from "node:fs";
import { createServer, request } from "node:http";
import { join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";

const PIECE = 1024 * 1024;
if (process.argv[2] === "--server") serve(process.argv[3]);
else await send(process.argv[2], process.argv[3]);

function serve(to) {
  mkdirSync(to, { recursive: true });
  let count = 0;
  const server = createServer(async (req, res) => {
    const hash = createHash("sha256");
    const hashing = new Transform({
      transform(piece, _encoding, done) {
        hash.update(piece);
        done(null, piece);
      },
    });
    await pipeline(req, hashing, createWriteStream(join(to, String(count++)), { highWaterMark: PIECE }));
    res.end(hash.digest("hex"));
  });
  server.listen(0, "127.0.0.1", () => process.send(server.address().port));
  process.on("disconnect", () => process.exit());
}

async function send(folder, to) {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), "--server", to], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const port = await new Promise((resolve) => child.once("message", resolve));
  let bytes = 0;
  const began = performance.now();
  for (const name of readdirSync(folder)) {
    const { size } = statSync(join(folder, name));
    await new Promise((resolve, reject) => {
      const upload = request(
        { port, host: "127.0.0.1", method: "PUT", headers: { "content-length": size } },
        (res) => res.resume().on("end", resolve),
      );
      upload.on("error", reject);
      createReadStream(join(folder, name), { highWaterMark: PIECE }).pipe(upload);
    });
    bytes += size;
  }
  console.log(JSON.stringify({ bytes, ms: performance.now() - began }));
  child.disconnect();
}
