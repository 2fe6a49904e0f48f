import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A file for each secret, for this user alone; one that is replaced is never seen half-written. */
export function writeSecretFiles(dir: string, secrets: Record<string, string>): void {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  for (const [name, value] of Object.entries(secrets)) {
    const fresh = join(dir, `..new-${name}`);
    writeFileSync(fresh, value, { mode: 0o600 });
    renameSync(fresh, join(dir, name));
  }
  for (const name of readdirSync(dir)) if (!(name in secrets)) rmSync(join(dir, name), { force: true });
}
