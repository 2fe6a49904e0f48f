import { createIgnoreRules, IGNORE_FILE } from "../../project/ignore-rules.ts";
import { type FileWatch, watchFiles } from "../../sync/watch-files.ts";
import { collectGarbage } from "../../util/collect-garbage.ts";

const MANY_FILES = 10_000;
/** Once it serves; each time V8 gives back half of what it no longer needs. */
const QUIET_MS = [5000, 8000, 11_000, 14_000];

export interface FollowOptions {
  /** Absolute folder of the project. */
  dir: string;
  /** Paths from the project that are left out as well: what a build writes. */
  outputs?: readonly string[];
  onChange(paths: string[], settled: boolean): void;
  onPolling(): void;
}

/** Follows what may belong to a project. An edit of .purlinignore counts from the moment it is saved. */
export async function followProject(options: FollowOptions): Promise<FileWatch> {
  const { dir, outputs = [], onChange, onPolling } = options;
  let rules = createIgnoreRules(dir);
  let stale = false;
  const watch = await watchFiles({
    root: dir,
    ignores: (path, isDirectory) => outputs.includes(path) || rules.ignores(path, isDirectory).ignored,
    onChange(paths, settled) {
      if (paths.includes(IGNORE_FILE)) {
        rules = createIgnoreRules(dir);
        stale = true;
      }
      onChange(paths, settled);
      // Once the file is whole; what it lets in or leaves out comes as a change of its own.
      if (settled && stale) {
        stale = false;
        void watch.renew();
      }
    },
    onPolling,
  });
  // Packing so many files and looking at each has left more behind than all of the rest takes.
  if (watch.files > MANY_FILES) for (const ms of QUIET_MS) setTimeout(collectGarbage, ms).unref();
  return watch;
}
