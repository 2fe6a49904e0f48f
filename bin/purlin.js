#!/usr/bin/env node
import module from "node:module";

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`purlin needs Node 20.19 or newer; this is ${process.versions.node}.\n`);
  process.exit(1);
}
// Keeps compiled code between runs, where Node can (22.1 and newer).
module.enableCompileCache?.();
const { main } = await import("../dist/cli/main.mjs");
await main(process.argv.slice(2));
