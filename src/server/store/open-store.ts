import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../../errors.ts";
import { TRANSFER_LIMITS, type TransferLimits } from "../../protocol/transfer.ts";
import { createBlobStore } from "./blob-store.ts";
import { openDataFolder } from "./data-folder.ts";
import { collectGarbage } from "./garbage.ts";
import { createLogStore } from "./log-store.ts";
import { openDatabase } from "./open-database.ts";
import { createPackageStore } from "./package-store.ts";
import { storageError } from "./storage-error.ts";
import type { Store } from "./store.ts";
import { createUploadStore } from "./upload-store.ts";
import { verifyStore } from "./verify.ts";

export interface StoreOptions {
  now?: () => Date;
  limits?: TransferLimits;
  retention?: Retention | undefined;
}

/** What is kept beyond what serves. */
export interface Retention {
  /** Of each environment, the newest deployments that can be rolled back to; 10. */
  deployments?: number | undefined;
  /** Of each deployment's log, the newest bytes; 8 MiB. */
  logBytes?: number | undefined;
}

const KEPT_DEPLOYMENTS = 10;

/** Opens the data folder of a host. Throws AppError NOT_WRITABLE, or HOST_DATA where another host works on it. */
export function openStore(dir: string, options: StoreOptions = {}): Store {
  const { now = () => new Date(), limits = TRANSFER_LIMITS } = options;
  const keptDeployments = options.retention?.deployments ?? KEPT_DEPLOYMENTS;
  const { folders, release } = openDataFolder(dir);
  try {
    const db = openDatabase(join(dir, "state.db"));
    writeFileSync(join(dir, "VERSION"), "1\n", { mode: 0o600 });
    const parts = { db, folders, now };
    const blobs = createBlobStore(parts);
    const uploads = createUploadStore(parts, blobs, limits);
    const packages = createPackageStore(parts, blobs, limits);
    const logs = createLogStore(folders.logs, now, options.retention?.logBytes);
    let collecting: Promise<unknown> = Promise.resolve();
    return {
      dir,
      db,
      blobs,
      uploads,
      packages,
      logs,
      async collectGarbage(given) {
        const keepLogs = (deployments: ReadonlySet<string>): void => logs.keepOnly(deployments);
        const work = collectGarbage(
          { ...parts, blobs, places: packages.places, keptDeployments, keepLogs },
          given,
        );
        collecting = Promise.allSettled([collecting, work]);
        return work;
      },
      verify: (onProgress) => verifyStore(db, blobs, onProgress),
      async backup(file) {
        if (existsSync(file)) {
          throw new AppError("FILES_EXIST", `${file} is there already.`, { hint: "Name another file." });
        }
        // It has what keys and secrets are made of: for this user alone from the first byte.
        writeFileSync(file, "", { flag: "wx", mode: 0o600 });
        try {
          db.prepare("VACUUM INTO ?").run(file);
        } catch (error) {
          rmSync(file, { force: true });
          throw storageError(error);
        }
      },
      async close() {
        await collecting;
        await logs.close();
        await packages.places.settled();
        db.close();
        release();
      },
    };
  } catch (error) {
    release();
    throw error;
  }
}
