import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../../errors.ts";
import { makeFolder } from "../../util/make-folder.ts";
import { holdFile } from "./open-database.ts";

/** What a data folder holds; each is made when a store is opened. */
const FOLDERS = [
  "blobs",
  "tmp",
  "uploads",
  "trees",
  "packages",
  "variants",
  "configs",
  "logs",
  "run",
] as const;

export type DataFolders = Record<(typeof FOLDERS)[number], string>;

/** Makes a data folder, for this user alone, and takes it: a second host on it is refused. */
export function openDataFolder(dir: string): { folders: DataFolders; release(): void } {
  const folders = Object.fromEntries(FOLDERS.map((name) => [name, join(dir, name)])) as DataFolders;
  try {
    makeFolder(dir, 0o700);
    // One that others use, too, keeps its mode: what is private in it has modes of its own.
    if (readdirSync(dir).length === 0 || existsSync(join(dir, "VERSION"))) chmodSync(dir, 0o700);
  } catch (error) {
    throw new AppError("NOT_WRITABLE", `The data folder ${dir} cannot be made.`, {
      hint: "Name another one with --data.",
      cause: error,
    });
  }
  const release = takeLock(dir);
  for (const folder of Object.values(folders)) mkdirSync(folder, { recursive: true, mode: 0o700 });
  // What was being written when a host ended has no name yet that anything refers to; variants belong to its replicas.
  for (const folder of [folders.tmp, folders.variants]) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { mode: 0o700 });
  }
  return { folders, release };
}

/** The system's own lock decides, however a host ended; `lock` beside it says who holds it. */
function takeLock(dir: string): () => void {
  const name = join(dir, "lock");
  let held: ReturnType<typeof holdFile>;
  try {
    held = holdFile(`${name}.db`);
  } catch (error) {
    throw new AppError("NOT_WRITABLE", `Nothing can be written in ${dir}.`, {
      hint: "Check its owner and permissions, or name another folder with --data.",
      cause: error,
    });
  }
  if (held === null) {
    throw new AppError("HOST_DATA", `Another host (process ${readOwner(name)}) works on ${dir} already.`, {
      hint: "Stop that one, or name another folder with --data.",
    });
  }
  writeFileSync(name, String(process.pid), { mode: 0o600 });
  return () => {
    rmSync(name, { force: true });
    held.release();
  };
}

function readOwner(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "unknown";
  }
}
