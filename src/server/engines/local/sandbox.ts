import { execFileSync } from "node:child_process";
import { existsSync, readlinkSync } from "node:fs";
import { delimiter, dirname, isAbsolute, join, resolve } from "node:path";

/** Folders of the system that a process needs to run at all; those that exist are shown, read-only. */
const SYSTEM = [
  "/usr",
  "/bin",
  "/sbin",
  "/lib",
  "/lib32",
  "/lib64",
  "/etc",
  "/opt",
  "/nix/store",
  "/sys/devices/system/cpu",
];
const LINKED_LAYERS = ["deps", "data", "runtime"];

export interface SandboxView {
  packageDir: string;
  /** Files and folders that are shown, too, read-only. */
  shown: readonly string[];
  /** Sockets and secrets of this replica alone; writable. */
  runDir: string;
}

export interface Launcher {
  file: string;
  args: string[];
}

/** The path of bubblewrap where it is installed and may be used here. */
export function findBubblewrap(): string | null {
  if (process.platform !== "linux") return null;
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const file = join(folder, "bwrap");
    if (!isAbsolute(folder) || !existsSync(file)) continue;
    try {
      execFileSync(file, ["--ro-bind", "/", "/", "--unshare-pid", "--proc", "/proc", "true"], {
        stdio: "ignore",
      });
      return file;
    } catch {
      // Installed, but the system allows no namespaces.
    }
  }
  return null;
}

/** A view of the disk with the system and what the model was given; its processes end with their host. */
export function bubblewrap(file: string, { packageDir, shown, runDir }: SandboxView): Launcher {
  const args = ["--die-with-parent", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--cap-drop", "ALL"];
  for (const folder of SYSTEM) args.push("--ro-bind-try", folder, folder);
  args.push("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/var/tmp", "--dir", "/run");
  args.push("--ro-bind-try", "/run/systemd/resolve", "/run/systemd/resolve");
  const node = dirname(dirname(process.execPath));
  for (const path of [node, packageDir, ...treesOf(packageDir), ...shown]) args.push("--ro-bind", path, path);
  args.push("--bind", runDir, runDir, "--chdir", packageDir);
  return { file, args };
}

/** Where the links of a package lead: of the trees that packages share, a model sees its own. */
function treesOf(packageDir: string): string[] {
  return LINKED_LAYERS.flatMap((layer) => {
    try {
      return [resolve(packageDir, readlinkSync(join(packageDir, layer)))];
    } catch {
      return [];
    }
  });
}
