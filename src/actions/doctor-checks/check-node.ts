import { type Check, fail, ok } from "./check.ts";

export function checkNode(version = process.versions.node): Check {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return ok("node", `Node ${version}`);
  return fail("node", `Node ${version} is too old.`, "Install Node 20.19 or newer.");
}
