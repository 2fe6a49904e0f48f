import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createFileScanner, type IgnorePredicate } from "./scan-files.ts";
import { Settle } from "./settle.ts";
import { FolderWatcher } from "./watch-folders.ts";

/** Where a file is written to see whether events arrive. */
const SENTINELS = ".purlin/watch";

/** How long the self-test waits for the event of its own file. */
const SELF_TEST_MS = 1000;
/** Where there are no events; in milliseconds, and as a share of one core. */
const POLL = { leastMs: 500, share: 0.008 };
/** Beside events. */
const CHECK = { leastMs: 5000, share: 0.002 };

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

/**
 * Follows a tree. Events only say when and where to look first; what has changed is told by a look at all of it once
 * the edit is over, and now and then, so that no lost event is lost for good.
 */
export async function watchFiles(options: WatchOptions): Promise<FileWatch> {
  const { root, ignores, onChange } = options;
  const scanner = await createFileScanner(root, ignores);
  const hints = new Set<string>();
  const settle = new Settle({
    onFirst: () => {
      tell(scanner.look([...hints]), false);
      followFolders();
    },
    onSettled: () => void lookAtAll(),
  });
  let events: FolderWatcher | null = null;
  let stopPolling: (() => void) | null = null;
  let isClosed = false;
  await follow();
  // What was written after the first look and before its folder was watched.
  if (events !== null) settle.event();
  const stopChecking = repeatedly(CHECK, check);
  return {
    get files() {
      return scanner.files;
    },
    get polling() {
      return stopPolling !== null;
    },
    async renew() {
      await renewEvents();
      if (!isClosed) settle.event();
    },
    async close() {
      isClosed = true;
      settle.stop();
      stopPolling?.();
      stopChecking();
      await events?.close();
    },
  };

  async function lookAtAll(): Promise<string[]> {
    hints.clear();
    const paths = await scanner.changed();
    // What has begun since is not over yet.
    const settled = !settle.isBusy;
    if (settled || paths.length > 0) tell(paths, settled);
    followFolders();
    return paths;
  }

  /** Nothing should be found here that no event has told of; where something is, events are asked for anew. */
  async function check(): Promise<void> {
    if (stopPolling !== null || settle.isBusy) return;
    const paths = await scanner.changed();
    if (paths.length === 0) return;
    const isTold = settle.isBusy;
    tell(paths, false);
    // It may be half of a save, whose event is on its way: over when it has been quiet.
    settle.event();
    if (!isTold) await renewEvents();
  }

  function tell(paths: string[], settled: boolean): void {
    if (!isClosed) onChange(paths, settled);
  }

  /** New folders are watched, too; what was written into them before that has no event of its own. */
  function followFolders(): void {
    const watcher = events;
    if (watcher === null) return;
    watcher.follow(new Set(scanner.folders)).then(
      (fresh) => {
        if (events === watcher) for (const folder of fresh) heard(folder);
      },
      () => fallBack(),
    );
  }

  function heard(path: string): void {
    if (isClosed || path === SENTINELS || path.startsWith(`${SENTINELS}/`)) return;
    if (path !== "" && ignores(path, false)) return;
    hints.add(path);
    settle.event();
  }

  async function renewEvents(): Promise<void> {
    const before = events;
    if (stopPolling === null) {
      events = null;
      await follow();
      if (stopPolling !== null) options.onPolling?.();
    }
    await before?.close();
  }

  async function follow(): Promise<void> {
    let sentinelSeen = false;
    const started = new FolderWatcher(root, {
      onEvent(path) {
        if (path.startsWith(SENTINELS)) sentinelSeen = true;
        heard(path);
      },
      onFailure: () => {
        if (events === started) fallBack();
      },
    });
    const works = await selfTest(root, started, () => sentinelSeen);
    if (works) await started.follow(new Set(scanner.folders));
    if (isClosed) await started.close();
    else if (works && !started.failed) events = started;
    else {
      await started.close();
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
    stopPolling ??= repeatedly(POLL, async () => void (await lookAtAll()));
  }
}

/** Do events arrive at all? On mounted folders they often do not, and nobody says so. */
async function selfTest(root: string, watcher: FolderWatcher, seen: () => boolean): Promise<boolean> {
  const folder = join(root, SENTINELS);
  const file = join(folder, `sentinel-${process.pid}`);
  try {
    mkdirSync(folder, { recursive: true });
    await watcher.follow(new Set([SENTINELS]));
    writeFileSync(file, "");
  } catch {
    // Nothing may be written here, so it cannot be tried.
    return false;
  }
  const limit = performance.now() + SELF_TEST_MS;
  while (!seen() && !watcher.failed && performance.now() < limit) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  rmSync(file, { force: true });
  return seen() && !watcher.failed;
}

/** Again and again, with pauses that keep it below its share of a core. Returns what ends it. */
function repeatedly(
  { leastMs, share }: { leastMs: number; share: number },
  look: () => Promise<void>,
): () => void {
  let timer: NodeJS.Timeout;
  let isOver = false;
  const again = (pauseMs: number): void => {
    timer = setTimeout(async () => {
      const before = process.cpuUsage();
      await look();
      const { user, system } = process.cpuUsage(before);
      if (!isOver) again(Math.max(leastMs, (user + system) / 1000 / share));
    }, pauseMs);
  };
  again(leastMs);
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}
