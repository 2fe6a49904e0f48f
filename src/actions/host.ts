import { existsSync } from "node:fs";
import { join } from "node:path";
import { AppError, CancelledError } from "../errors.ts";
import type { Reporter } from "../events.ts";
import { keyOf } from "../remotes/find-remote.ts";
import { readHostKey, removeLocalHost, writeHostKey, writeLocalHost } from "../remotes/local-host.ts";
import type { HostLogEntry } from "../server/start-host.ts";
import type { VerifyReport } from "../server/store/store.ts";
import { userConfigDir, userDataDir } from "../util/user-dirs.ts";
import { type HostAccess, withHost } from "./host-steps/with-host.ts";

export interface HostActionOptions {
  host: string;
  port: number;
  /** Absolute; the per-user data folder without it. */
  dataDir?: string | undefined;
  /** Name of an engine; the host's own default without it. */
  engine?: string | undefined;
  tls?: { cert: string; key: string } | undefined;
  trustProxy?: readonly string[] | undefined;
  /** Deployments of an environment that can be rolled back to, and MiB of log of each. */
  keepDeployments?: number | undefined;
  keepLogMib?: number | undefined;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  report: Reporter;
  log(entry: HostLogEntry): void;
  onListening(host: { url: string; createdKey: string | null; dataDir: string; isolation: string[] }): void;
}

const LOOPBACK = /^(127(\.\d{1,3}){3}|localhost|::1)$/i;

/** Runs a deployment server until it is stopped; then drains. Throws AppError PORT_IN_USE, HOST_INVALID, HOST_DATA, ... */
export async function host(options: HostActionOptions): Promise<void> {
  const { env, signal } = options;
  const given = keyOf(env);
  if (given === null && !LOOPBACK.test(options.host)) {
    throw new AppError(
      "HOST_INVALID",
      `A host that others can reach (${options.host}) needs a key of yours.`,
      {
        hint: "Set PURLIN_API_KEY to a long random text, for this command and for those who push.",
      },
    );
  }
  const kept = given ?? readHostKey(env);
  const { newHostKey, startHost } = await import("../server/start-host.ts");
  const adminKey = kept ?? newHostKey();
  const dataDir = options.dataDir ?? hostDataDir(env);
  const running = await startHost({
    dataDir,
    host: options.host,
    port: options.port,
    engine: options.engine,
    adminKey,
    masterKeyFile: join(userConfigDir(env), "host-master.key"),
    masterKey: env["PURLIN_MASTER_KEY"],
    log: options.log,
    tls: options.tls,
    trustProxy: options.trustProxy,
    retention: {
      deployments: options.keepDeployments,
      logBytes: options.keepLogMib === undefined ? undefined : options.keepLogMib * 1024 * 1024,
    },
  });
  try {
    if (kept === null) writeHostKey(env, adminKey);
    writeLocalHost(env, { url: running.url, key: adminKey, pid: process.pid });
    const createdKey = kept === null ? adminKey : null;
    options.onListening({ url: running.url, createdKey, dataDir, isolation: running.isolation });
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  } finally {
    removeLocalHost(env);
    await running.close();
  }
  const reason: unknown = signal.reason;
  // SIGTERM is how a service is stopped: a clean drain is a success.
  if (reason instanceof CancelledError && reason.signal !== "SIGTERM") throw reason;
}

export interface VerifyHostResult extends VerifyReport {
  data: string;
}

/** Reads every file of a data folder again; no host may work on it. Throws AppError HOST_DATA for what is damaged. */
export async function verifyHost(options: {
  dataDir?: string | undefined;
  env: NodeJS.ProcessEnv;
  report: Reporter;
}): Promise<VerifyHostResult> {
  const data = options.dataDir ?? hostDataDir(options.env);
  // A folder that is opened is made: a misspelt one would be found whole.
  if (!existsSync(join(data, "VERSION"))) {
    throw new AppError("HOST_DATA", `${data} holds no data of a host.`, {
      hint: "Name its folder: purlin host --verify --data DIR",
    });
  }
  const { openStore } = await import("../server/store/open-store.ts");
  const store = openStore(data);
  try {
    options.report.emit({ type: "step", message: "reading every file" });
    const report = await store.verify((done, total) =>
      options.report.emit({ type: "progress", what: "verified", done, total, unit: "files" }),
    );
    if (report.damaged.length + report.missing.length > 0) {
      throw new AppError(
        "HOST_DATA",
        `${report.damaged.length} files are damaged and ${report.missing.length} are missing in ${data}.`,
        {
          hint: "Push the models that have them again: what is whole is kept.",
          data: { damaged: report.damaged, missing: report.missing },
        },
      );
    }
    return { data, ...report };
  } finally {
    await store.close();
  }
}

/** A copy of the database of a host that runs; its files are under blobs/ in the data folder. */
export function backupHost(access: HostAccess & { file: string }): Promise<{ file: string }> {
  return withHost(access, (client) => client.backup(access.file));
}

/** Removes what nothing refers to, now instead of within ten minutes; with `dryRun`, tells what that would be. */
export function collectGarbage(access: HostAccess & { dryRun: boolean }): Promise<Record<string, unknown>> {
  return withHost(access, (client) => client.collectGarbage(access.dryRun));
}

const hostDataDir = (env: NodeJS.ProcessEnv): string => join(userDataDir(env), "host");
