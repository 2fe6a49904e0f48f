import { existsSync } from "node:fs";
import { type Check, ok, warn } from "./check.ts";

/** What `build` can make packages for. */
const TARGETS = ["linux-x64", "linux-arm64", "linux-x64-musl", "darwin-arm64"];

export function checkPlatform(): Check {
  const target = `${process.platform}-${process.arch}${isMusl() ? "-musl" : ""}`;
  if (TARGETS.includes(target)) return ok("platform", target);
  return warn(
    "platform",
    `${target} is not one of the platforms that Purlin is tested on (${TARGETS.join(", ")}).`,
    "Models without native packages should work.",
  );
}

function isMusl(): boolean {
  if (process.platform !== "linux") return false;
  return (
    existsSync("/etc/alpine-release") ||
    existsSync(`/lib/ld-musl-${process.arch === "x64" ? "x86_64" : "aarch64"}.so.1`)
  );
}
