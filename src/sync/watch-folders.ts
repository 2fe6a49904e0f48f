import { join, relative, sep } from "node:path";
import type { FSWatcher } from "chokidar";

/** Folders that are read at the same time: the system's answers about all of a large tree would not fit into memory. */
const LANES = 4;

export interface FolderEvents {
  /** A path from the root, with `/`; the root itself is "". */
  onEvent(path: string): void;
  /** The system has no watches left. */
  onFailure(): void;
}

/**
 * Hears of what happens in folders, one watcher each: a watcher for a whole tree would keep a watch and a record for
 * every file in it.
 */
export class FolderWatcher {
  readonly #root: string;
  readonly #events: FolderEvents;
  readonly #watchers = new Map<string, FSWatcher>();
  #failed = false;
  #isClosed = false;

  constructor(root: string, events: FolderEvents) {
    this.#root = root;
    this.#events = events;
  }

  get failed(): boolean {
    return this.#failed;
  }

  /** From now on those folders, and no others. Resolves with those that were not watched before. */
  async follow(folders: ReadonlySet<string>): Promise<string[]> {
    for (const [folder, watcher] of this.#watchers) {
      if (folders.has(folder)) continue;
      this.#watchers.delete(folder);
      void watcher.close();
    }
    const fresh = [...folders].filter((folder) => !this.#watchers.has(folder));
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < fresh.length && !this.#isClosed && !this.#failed)
        await this.#watch(fresh[next++] as string);
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    return fresh;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#watchers.values()].map((watcher) => watcher.close()));
    this.#watchers.clear();
  }

  async #watch(folder: string): Promise<void> {
    const { watch } = await import("chokidar");
    // Asked for twice, or no longer: another watcher would never be closed.
    if (this.#isClosed || this.#watchers.has(folder)) return;
    const path = join(this.#root, folder);
    const watcher = watch(path, { ignoreInitial: true, ignored: (other) => other !== path });
    this.#watchers.set(folder, watcher);
    watcher.on("raw", (_event, name, details) => {
      const { watchedPath } = details as { watchedPath: string };
      this.#events.onEvent(this.#fromRoot(name ? join(watchedPath, name) : watchedPath));
    });
    await new Promise<void>((resolve) => {
      watcher.once("ready", () => resolve());
      watcher.on("error", () => {
        resolve();
        if (this.#failed) return;
        this.#failed = true;
        this.#events.onFailure();
      });
    });
  }

  #fromRoot(path: string): string {
    return relative(this.#root, path).split(sep).join("/");
  }
}
