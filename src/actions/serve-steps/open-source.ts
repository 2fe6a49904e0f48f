import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AppError } from "../../errors.ts";
import type { Reporter } from "../../events.ts";
import type { Generation } from "../../protocol/control.ts";
import { MANIFEST_FILE } from "../../protocol/manifest.ts";
import { hostTargetName } from "../../util/host-target.ts";
import { build } from "../build.ts";

export interface SourceOptions {
  /** Absolute: a project, a package folder, or a package archive. */
  target: string;
  report: Reporter;
  signal: AbortSignal;
  /** Source maps lead to the files of the project, for debuggers. */
  mapsToProject?: boolean;
}

/** What a runtime is started from, and what is to be cleaned up after it. */
export interface Source {
  generation: Generation;
  dotenv: string | null;
  dispose(): void;
}

/** A project is built first. Throws AppError INPUT_INVALID, PACKAGE_INVALID, and what build throws. */
export async function openSource(options: SourceOptions): Promise<Source> {
  const { target } = options;
  const stat = statSync(target, { throwIfNoEntry: false });
  if (stat === undefined) {
    throw new AppError("INPUT_INVALID", `There is nothing at ${target}.`, {
      hint: "Name a project folder, a package folder, or an archive made by purlin build --archive.",
    });
  }
  if (stat.isFile()) return openArchive(target);
  if (statSync(join(target, MANIFEST_FILE), { throwIfNoEntry: false })?.isFile() === true) {
    return openPackage(target);
  }
  return openProject(options);
}

async function openProject(options: SourceOptions): Promise<Source> {
  const { createServingTree } = await import("../../supervise/serving-tree.ts");
  const built = await build({
    dir: options.target,
    target: hostTargetName(),
    report: options.report,
    signal: options.signal,
  });
  const tree = createServingTree(options.target, { mapsToProject: options.mapsToProject === true });
  return {
    generation: tree.add(built.path),
    dotenv: join(options.target, ".env"),
    dispose: () => tree.dispose(),
  };
}

/** Runs where it lies: a package is never written to. */
async function openPackage(dir: string): Promise<Source> {
  const { checkPackage } = await import("../../pack/check-package.ts");
  const manifest = await checkPackage(dir);
  return { generation: { dir, digest: manifest.package }, dotenv: null, dispose() {} };
}

async function openArchive(file: string): Promise<Source> {
  const { unpackArchive } = await import("../../pack/unpack-archive.ts");
  const parent = mkdtempSync(join(tmpdir(), "purlin-serve-"));
  const dispose = (): void => rmSync(parent, { recursive: true, force: true });
  try {
    const dir = join(parent, "package");
    const manifest = await unpackArchive(file, dir);
    return { generation: { dir, digest: manifest.package }, dotenv: null, dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}
