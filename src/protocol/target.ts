/** Machines that a package can be made for. */
export const TARGETS = [
  "linux-x64",
  "linux-arm64",
  "linux-x64-musl",
  "linux-arm64-musl",
  "darwin-arm64",
  "darwin-x64",
] as const;

export type TargetName = (typeof TARGETS)[number];

export interface Target {
  name: TargetName;
  /** As process.platform and package.json's "os" have it. */
  os: "linux" | "darwin";
  /** As process.arch and package.json's "cpu" have it. */
  cpu: "x64" | "arm64";
  /** As package.json's "libc" has it; null where there is only one. */
  libc: "glibc" | "musl" | null;
}

/** Null where the name is not one of TARGETS. */
export function parseTarget(name: string): Target | null {
  const known = TARGETS.find((target) => target === name);
  if (known === undefined) return null;
  const [os, cpu, libc] = known.split("-") as [Target["os"], Target["cpu"], "musl" | undefined];
  return { name: known, os, cpu, libc: os === "linux" ? (libc ?? "glibc") : null };
}
