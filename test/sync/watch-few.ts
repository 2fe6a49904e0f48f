// The main module of a process that may use few watches: watch-limits.test.ts starts it, and it prints what it sees.
import { watchFiles } from "../../src/sync/watch-files.ts";

const print = (line: object): boolean => process.stdout.write(`${JSON.stringify(line)}\n`);
const watch = await watchFiles({
  root: process.argv[2] ?? "",
  ignores: (path) => path === ".purlin" || path.startsWith(".purlin/"),
  onChange: (paths) => void (paths.length > 0 && print({ paths })),
  onPolling: () => void print({ polling: true }),
});
print({ files: watch.files, polling: watch.polling });
process.stdin.once("end", () => void watch.close()).resume();
