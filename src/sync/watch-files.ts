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
  /** Asked anew for every look; who changes its answers calls `renew`. */
  ignores: IgnorePredicate;
  /** Files that changed, from the root. `settled` says that nothing has been written since for a while. */
  onChange(paths: string[], settled: boolean): void;
  /** Events have stopped to arrive: the system has no watches left for what was added. */
  onPolling?: () => void;
}

export interface FileWatch {
  readonly files: number;
  /** Events do not arrive here (a mounted folder, no watches left), so the tree is looked at from time to time. */
  readonly polling: boolean;
  /** What is ignored is another thing now: follows that, and tells what it brings in and takes out. */
  renew(): Promise<void>;
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
  let events: Events | null = null;
  let stopPolling: (() => void) | null = null;
  let isClosed = false;
  await follow();
  return {
    get files() {
      return scanner.files;
    },
    get polling() {
      return stopPolling !== null;
    },
    async renew() {
      const before = events;
      if (stopPolling === null) {
        events = null;
        await follow();
        if (stopPolling !== null) options.onPolling?.();
      }
      await before?.close();
      if (!isClosed) settle.event();
    },
    async close() {
      isClosed = true;
      settle.stop();
      stopPolling?.();
      await events?.close();
    },
  };

  async function follow(): Promise<void> {
    const started = await startEvents(root, ignores, {
      onEvent: () => settle.event(),
      onFailure: () => {
        if (events === started) fallBack();
      },
    });
    const works = started !== null && (await selfTest(root, started)) && !started.failed();
    if (isClosed) await started?.close();
    else if (works) events = started;
    else {
      await started?.close();
      poll();
    }
  }

  function fallBack(): void {
    if (isClosed || stopPolling !== null) return;
    void events?.close();
    events = null;
    settle.stop();
    poll();
    options.onPolling?.();
  }

  function poll(): void {
    stopPolling ??= startPolling(() => onChange(scanner.changed(), true));
  }
}

interface Events {
  sentinelSeen(): boolean;
  failed(): boolean;
  close(): Promise<void>;
}

/** null where the system has no watches left; `onFailure` where it runs out of them later. */
async function startEvents(
  root: string,
  ignores: IgnorePredicate,
  { onEvent, onFailure }: { onEvent(): void; onFailure(): void },
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
  let isReady = false;
  await new Promise<void>((resolve) => {
    watcher.once("ready", () => resolve());
    watcher.on("error", () => {
      failed = true;
      if (isReady) onFailure();
      resolve();
    });
  });
  isReady = true;
  if (!failed) return { sentinelSeen: () => seen, failed: () => failed, close: () => watcher.close() };
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

function startPolling(look: () => void): () => void {
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
