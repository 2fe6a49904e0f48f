import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../../errors.ts";
import { makeFolder } from "../../util/make-folder.ts";
import { processStart } from "../../util/process-start.ts";

/** What a data folder holds; each is made when a store is opened. */
const FOLDERS = ["blobs", "tmp", "uploads", "trees", "packages", "configs", "logs", "run"] as const;

export type DataFolders = Record<(typeof FOLDERS)[number], string>;

/** Makes a data folder, for this user alone, and takes it: a second host on it is refused. */
export function openDataFolder(dir: string): { folders: DataFolders; release(): void } {
  const folders = Object.fromEntries(FOLDERS.map((name) => [name, join(dir, name)])) as DataFolders;
  try {
    makeFolder(dir, 0o700);
  } catch (error) {
    throw new AppError("NOT_WRITABLE", `The data folder ${dir} cannot be made.`, {
      hint: "Name another one with --data.",
      cause: error,
    });
  }
  const release = takeLock(dir);
  for (const folder of Object.values(folders)) mkdirSync(folder, { recursive: true, mode: 0o700 });
  // What was being written when a host ended has no name yet that anything refers to.
  rmSync(folders.tmp, { recursive: true, force: true });
  mkdirSync(folders.tmp, { mode: 0o700 });
  return { folders, release };
}

/** The holder is told by its number and the time it was started: numbers come again. */
function takeLock(dir: string): () => void {
  const file = join(dir, "lock");
  const own = `${process.pid} ${processStart(process.pid) ?? ""}`;
  for (let attempt = 0; ; attempt++) {
    try {
      const handle = openSync(file, "wx", 0o600);
      writeSync(handle, own);
      closeSync(handle);
      return () => {
        if (readOwner(file) === own) rmSync(file, { force: true });
      };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "EEXIST") {
        throw new AppError("NOT_WRITABLE", `Nothing can be written in ${dir}.`, {
          hint: "Check its owner and permissions, or name another folder with --data.",
          cause: error,
        });
      }
      const owner = readOwner(file);
      const [pid = "", started = ""] = owner.split(" ");
      const runs = pid !== "" && (processStart(Number(pid)) ?? null) === (started === "" ? null : started);
      if (attempt > 0 || (runs && started !== "")) {
        throw new AppError("HOST_DATA", `Another host (process ${pid}) works on ${dir} already.`, {
          hint: "Stop that one, or name another folder with --data.",
        });
      }
      rmSync(file, { force: true });
    }
  }
}

function readOwner(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
