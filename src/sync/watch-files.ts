import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { createFileScanner, type IgnorePredicate } from "./scan-files.ts";
import { Settle } from "./settle.ts";

/** How long the self-test waits for the event of its own file. */
const SELF_TEST_MS = 1000;
const POLL_MIN_MS = 500;
/** Polling may take this share of one core. */
const POLL_SHARE = 0.01;

export interface WatchOptions {
  /** Absolute. */
  root: string;
  ignores: IgnorePredicate;
  /** Files that changed, from the root. `settled` says that nothing has been written since for a while. */
  onChange(paths: string[], settled: boolean): void;
}

export interface FileWatch {
  files: number;
  /** Events do not arrive here (a mounted folder, no watches left), so the tree is looked at from time to time. */
  polling: boolean;
  close(): Promise<void>;
}

/** Follows a tree. Events only say when to look; what has changed is told by a scan. */
export async function watchFiles(options: WatchOptions): Promise<FileWatch> {
  const { root, ignores, onChange } = options;
  const scanner = createFileScanner(root, ignores);
  const settle = new Settle({
    onFirst: () => onChange(scanner.changed(), false),
    onSettled: () => onChange(scanner.changed(), true),
  });
  const events = await startEvents(root, ignores, () => settle.event());
  const works = events !== null && (await selfTest(root, events));
  if (works) {
    return {
      files: scanner.files,
      polling: false,
      async close() {
        settle.stop();
        await events.close();
      },
    };
  }
  await events?.close();
  const stop = poll(() => onChange(scanner.changed(), true));
  return {
    files: scanner.files,
    polling: true,
    async close() {
      stop();
    },
  };
}

interface Events {
  sentinelSeen(): boolean;
  close(): Promise<void>;
}

/** null where the system has no watches left. */
async function startEvents(
  root: string,
  ignores: IgnorePredicate,
  onEvent: () => void,
): Promise<Events | null> {
  const { watch } = await import("chokidar");
  const sentinels = join(root, ".purlin", "watch");
  mkdirSync(sentinels, { recursive: true });
  let seen = false;
  let failed = false;
  const watcher = watch([root, sentinels], {
    ignoreInitial: true,
    ignored: (path, stats) => {
      if (path === root || path.startsWith(sentinels)) return false;
      return ignores(relative(root, path).split(sep).join("/"), stats?.isDirectory() === true);
    },
  });
  watcher.on("all", (_event, path) => {
    if (path.startsWith(sentinels)) seen = true;
    else onEvent();
  });
  await new Promise<void>((resolve) => {
    watcher.once("ready", () => resolve());
    watcher.on("error", () => {
      failed = true;
      resolve();
    });
  });
  if (!failed) return { sentinelSeen: () => seen, close: () => watcher.close() };
  await watcher.close();
  return null;
}

/** Do events arrive at all? On mounted folders they often do not, and nobody says so. */
async function selfTest(root: string, events: Events): Promise<boolean> {
  const file = join(root, ".purlin", "watch", `sentinel-${process.pid}`);
  writeFileSync(file, "");
  const limit = performance.now() + SELF_TEST_MS;
  while (!events.sentinelSeen() && performance.now() < limit) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  rmSync(file, { force: true });
  return events.sentinelSeen();
}

function poll(look: () => void): () => void {
  let timer: NodeJS.Timeout;
  const again = (): void => {
    const began = performance.now();
    look();
    const took = performance.now() - began;
    timer = setTimeout(again, Math.max(POLL_MIN_MS, took / POLL_SHARE));
  };
  timer = setTimeout(again, POLL_MIN_MS);
  return () => clearTimeout(timer);
}
