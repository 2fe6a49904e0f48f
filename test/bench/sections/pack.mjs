/** 1 GiB in data/: the hashing and packing that `build` does, against a bare sha256 loop over the same files. */
import { randomFillSync } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runNode, runPurlin } from "../lib/command.mjs";
import { compare, rounds } from "../lib/measure.mjs";
import { atLeast, row } from "../lib/report.mjs";

export const title = "hashing and packing of data/, against a bare sha256 loop";

const HASH_LOOP = fileURLToPath(new URL("../yardsticks/hash-loop.mjs", import.meta.url));
const FILES = 64;

export async function run(context) {
  const megabytes = context.quick ? 256 : 1024;
  const project = join(context.root, "pack");
  const data = join(project, "data");
  await runPurlin(["init", project, "--template", "minimal", "--name", "pack", "--yes"]);
  writeRandomFiles(data, megabytes);
  const env = { ...process.env, PURLIN_HOME: join(context.root, "pack-home") };

  const packed = async () => {
    // Nothing remembered: every byte is hashed again, every file placed again.
    rmSync(join(project, ".purlin"), { recursive: true, force: true });
    rmSync(env.PURLIN_HOME, { recursive: true, force: true });
    return runPurlin(["build", project], { env });
  };
  const copyTo = join(context.root, "pack-copy");
  const { bare, copied, nothing, build, again } = await rounds(context.quick ? 3 : 5, {
    bare: () => runNode([HASH_LOOP, data]),
    copied: () => {
      rmSync(copyTo, { recursive: true, force: true });
      return runNode([HASH_LOOP, data, copyTo]);
    },
    nothing: () => runNode(["-e", "0"]),
    build: packed,
    again: () => runPurlin(["build", project], { env }),
  });
  rmSync(project, { recursive: true, force: true });
  rmSync(copyTo, { recursive: true, force: true });

  // Node's own start is no part of either.
  const perCore = (record, index) =>
    (megabytes * 1.048576) / (record.cpu - nothing[index % nothing.length].cpu);
  const withCore = (records) =>
    records.map((record, index) => ({ ...record, per_core: perCore(record, index) }));
  const wall = (record) => (megabytes * 1.048576) / (record.ms / 1000);
  return [
    row({
      figure: `build of ${megabytes} MiB of data, nothing remembered, per core`,
      unit: "MB/s",
      ...compare(withCore(build), withCore(bare), (record) => record.per_core),
      target: atLeast(0.8),
      note: "bytes by CPU seconds, of the whole command",
    }),
    row({
      figure: "the same, against a loop that writes what it hashes",
      unit: "MB/s",
      ...compare(withCore(build), withCore(copied), (record) => record.per_core),
      note: "a package holds its own copy",
    }),
    row({ figure: "the same by wall time", unit: "MB/s", ...compare(build, bare, wall) }),
    row({ figure: "build again, unchanged", unit: "ms", ...compare(again, bare, (record) => record.ms) }),
  ];
}

/** Files of equal size with different bytes, in the page cache afterwards. */
function writeRandomFiles(folder, megabytes) {
  mkdirSync(folder, { recursive: true });
  const block = Buffer.allocUnsafe((megabytes / FILES) * 1024 * 1024);
  for (let index = 0; index < FILES; index += 1) {
    writeFileSync(join(folder, `weights-${index}.bin`), randomFillSync(block));
  }
}
