import { randomBytes, scryptSync } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { AppError } from "../../errors.ts";
import type { Database } from "../store/database.ts";

/**
 * 32 bytes: of `given` (64 hex digits, or a passphrase), or of a file for this user alone, which is made at first.
 * The file lies outside the data folder, so that a copy of that one tells no secret.
 */
export function readMasterKey(db: Database, given: string | undefined, file: string): Uint8Array {
  if (given !== undefined && given !== "") {
    return /^[0-9a-f]{64}$/i.test(given) ? Buffer.from(given, "hex") : scryptSync(given, saltOf(db), 32);
  }
  try {
    const mode = statSync(file).mode & 0o077;
    if (mode !== 0) {
      throw new AppError("HOST_DATA", `The master key ${file} can be read by others.`, {
        hint: `Take that away: chmod 600 ${file}`,
      });
    }
    const digits = readFileSync(file, "utf8").trim();
    if (/^[0-9a-f]{64}$/i.test(digits)) return Buffer.from(digits, "hex");
    throw new AppError("HOST_DATA", `The master key ${file} is damaged: it should be 64 hex digits.`, {
      hint: "Put back the one that was there: what was encrypted with it opens with no other.",
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const key = randomBytes(32);
  // Whole or not there at all, whenever the host is killed.
  const whole = `${file}.${process.pid}.new`;
  const handle = openSync(whole, "wx", 0o600);
  writeSync(handle, `${key.toString("hex")}\n`);
  fsyncSync(handle);
  closeSync(handle);
  renameSync(whole, file);
  return key;
}

function saltOf(db: Database): Buffer {
  const row = db.prepare("SELECT value FROM settings WHERE key = 'master-key-salt'").get() as
    { value: string } | undefined;
  if (row !== undefined) return Buffer.from(row.value, "hex");
  const salt = randomBytes(16);
  db.prepare("INSERT INTO settings (key, value) VALUES ('master-key-salt', ?)").run(salt.toString("hex"));
  return salt;
}
