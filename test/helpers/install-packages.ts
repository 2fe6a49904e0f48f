import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
} from "node:fs";
import { copyFile, mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const CACHE = join(tmpdir(), "purlin-test-installs");

/**
 * `npm install` in a project. What it made is kept in the system's temporary folder, by the content of
 * package.json, and hard-linked into the next project that asks for the same.
 */
export async function installPackages(projectDir: string): Promise<void> {
  const manifest = join(projectDir, "package.json");
  if (!existsSync(manifest)) return;
  const key = createHash("sha256")
    .update(await readFile(manifest))
    .update(`${process.platform}-${process.arch}-${process.versions.modules}`)
    .digest("hex")
    .slice(0, 16);
  const kept = join(CACHE, key);
  if (!existsSync(kept)) await install(manifest, kept);
  linkTree(join(kept, "node_modules"), join(projectDir, "node_modules"));
  await copyFile(join(kept, "package-lock.json"), join(projectDir, "package-lock.json"));
}

/** In a folder of its own that gets its name at the end: a run that is cut off leaves nothing half made. */
async function install(manifest: string, kept: string): Promise<void> {
  await mkdir(CACHE, { recursive: true });
  const dir = await mkdtemp(join(CACHE, "new-"));
  try {
    await copyFile(manifest, join(dir, "package.json"));
    const npm = process.platform === "win32" ? "npm.cmd" : "npm";
    const flags = ["--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"];
    await promisify(execFile)(npm, ["install", ...flags], { cwd: dir });
    // Another test run may have been quicker.
    await rename(dir, kept).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

function linkTree(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) linkTree(source, target);
    else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target);
    else link(source, target);
  }
}

function link(source: string, target: string): void {
  try {
    linkSync(source, target);
  } catch {
    // Another file system, or one without hard links.
    copyFileSync(source, target);
  }
}
