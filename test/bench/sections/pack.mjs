/**
 * 1 GiB in data/: the hashing and packing that `build` does, against a bare sha256 loop over the same files.
 *
 * A package holds its own copy of data/. Where the disk shares blocks between files (XFS, btrfs, APFS) that costs
 * nothing; where it does not, every byte goes through write(2), whose copy into the page cache no program avoids:
 * the second row is how much of the yardstick is left to a loop that does that and nothing else.
 * `perf record` of that loop on ext4: sha256 43-50 % of the samples, the copy of write(2) 15 % (55-63 % where the
 * pages are new to a virtual machine), the copy of read(2) 11 %, the rest is the file system's bookkeeping.
 */
import { randomFillSync } from "node:crypto";
import { constants, copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
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
  const empty = join(context.root, "pack-empty");
  await runPurlin(["init", empty, "--template", "minimal", "--name", "pack", "--yes"]);
  writeRandomFiles(data, megabytes);
  const shares = sharesBlocks(join(data, "weights-0.bin"), join(context.root, "pack-clone"));
  const env = { ...process.env, PURLIN_HOME: join(context.root, "pack-home") };

  // Nothing remembered: every byte is hashed again, every file placed again.
  const buildAnew = (folder) => {
    rmSync(join(folder, ".purlin"), { recursive: true, force: true });
    rmSync(env.PURLIN_HOME, { recursive: true, force: true });
    return runPurlin(["build", folder], { env });
  };
  const copyTo = join(context.root, "pack-copy");
  const { bare, copied, nothing, small, build, again } = await rounds(context.quick ? 3 : 5, {
    bare: () => runNode([HASH_LOOP, data]),
    copied: () => {
      rmSync(copyTo, { recursive: true, force: true });
      return runNode([HASH_LOOP, data, copyTo]);
    },
    nothing: () => runNode(["-e", "0"]),
    small: () => buildAnew(empty),
    build: () => buildAnew(project),
    again: () => runPurlin(["build", project], { env }),
  });
  for (const folder of [project, empty, copyTo]) rmSync(folder, { recursive: true, force: true });

  // Neither Node's own start nor what a build of the same code takes is hashing or packing.
  const without = (records, fixed) =>
    records.map((record, index) => ({ ...record, cpu: record.cpu - fixed[index].cpu }));
  const [hashing, writing] = [without(bare, nothing), without(copied, nothing)];
  const packing = without(build, small);
  const perCore = ({ cpu }) => (megabytes * 1.048576) / cpu;
  const wall = ({ ms }) => (megabytes * 1.048576) / (ms / 1000);
  const disk = shares ? "this disk shares blocks" : "this disk cannot share blocks: see the next row";
  return [
    row({
      figure: `hashing and packing of ${megabytes} MiB, nothing remembered, per core`,
      unit: "MB/s",
      ...compare(packing, hashing, perCore),
      target: atLeast(0.8),
      note: `bytes by CPU seconds, beyond a build without data; ${disk}`,
    }),
    row({
      figure: "what a loop reaches that writes what it hashes",
      unit: "MB/s",
      ...compare(writing, hashing, perCore),
      note: "the most where every byte has to be written",
    }),
    row({
      figure: "hashing and packing, against that loop",
      unit: "MB/s",
      ...compare(packing, writing, perCore),
    }),
    row({ figure: "the whole build by wall time", unit: "MB/s", ...compare(build, bare, wall) }),
    row({ figure: "build again, unchanged", unit: "ms", ...compare(again, bare, (record) => record.ms) }),
  ];
}

function sharesBlocks(file, to) {
  try {
    copyFileSync(file, to, constants.COPYFILE_FICLONE_FORCE);
    rmSync(to);
    return true;
  } catch {
    return false;
  }
}

/** Files of equal size with different bytes, in the page cache afterwards. */
function writeRandomFiles(folder, megabytes) {
  mkdirSync(folder, { recursive: true });
  const block = Buffer.allocUnsafe((megabytes / FILES) * 1024 * 1024);
  for (let index = 0; index < FILES; index += 1) {
    writeFileSync(join(folder, `weights-${index}.bin`), randomFillSync(block));
  }
}
