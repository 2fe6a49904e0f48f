import { statSync } from "node:fs";

/** The times of files come from a clock that ticks this slowly. */
const FILE_CLOCK_MS = 10;

/** Tells by their times which files were saved since a build had read them. */
export class SavedFiles {
  /** When the last build began to read, and the one before it; Date.now(). */
  #began = Date.now();
  #beganBefore = this.#began;

  buildBegins(): void {
    this.#beganBefore = this.#began;
    this.#began = Date.now();
  }

  /** Written after the build before the last one had begun to read? One that is gone was. */
  isNew(file: string): boolean {
    return changedAfter(file, this.#beganBefore);
  }

  /** Those that may be what the last build has found changed. */
  newOnes(files: readonly string[]): string[] {
    return files.filter((file) => changedAfter(file, this.#beganBefore - FILE_CLOCK_MS));
  }
}

function changedAfter(file: string, time: number): boolean {
  return (statSync(file, { throwIfNoEntry: false })?.ctimeMs ?? Infinity) > time;
}
