import { InvalidArgumentError } from "commander";
import { parseBytes } from "../protocol/bytes.ts";
import { type InspectAddress, parseInspectAddress } from "../protocol/inspect-address.ts";

/** Readers of option values; what they throw names the option when it is shown. */
export function parsePort(text: string): number {
  return wholeNumber(text, 0, 65_535);
}

export function parseWorkers(text: string): number | "auto" {
  return text === "auto" ? "auto" : wholeNumber(text, 1, 1024);
}

export function parseInspect(text: string): InspectAddress {
  const address = parseInspectAddress(text);
  if (typeof address === "string") throw new InvalidArgumentError(address);
  return address;
}

/** Seconds, also as "90s", "5m", "1.5h"; more than 0. */
export function parseSeconds(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h)?$/.exec(text);
  const seconds = match ? Number(match[1]) * SECONDS_PER[match[2] ?? "s"]! : 0;
  if (!(seconds > 0)) throw new InvalidArgumentError("It must be a time: 30, 30s, 5m.");
  return seconds;
}

const SECONDS_PER: Record<string, number> = { ms: 0.001, s: 1, m: 60, h: 3600 };

export function parsePercent(text: string): number {
  return wholeNumber(text.replace(/%$/, ""), 1, 99);
}

/** Percent that may be none or all. */
export function parseShare(text: string): number {
  return wholeNumber(text.replace(/%$/, ""), 0, 100);
}

/** Minutes, fractions too; more than 0. */
export function parseMinutes(text: string): number {
  const minutes = /^\d+(\.\d+)?$|^\.\d+$/.test(text) ? Number(text) : 0;
  if (!(minutes > 0 && minutes <= 100_000))
    throw new InvalidArgumentError("It must be a number of minutes: 5, 0.5.");
  return minutes;
}

/** Bytes, also as "1Ki", "1KiB", "2M". */
export function parseBytesOption(text: string): number {
  const bytes = parseBytes(text.replace(/B$/, ""));
  if (bytes === null) throw new InvalidArgumentError('It must be a size: 1024, "1KiB", "1M".');
  return bytes;
}

export function parseCount(text: string): number {
  return wholeNumber(text, 1, 100_000);
}

/** One more of what may be given several times. */
export function collect(text: string, previous: unknown = []): string[] {
  return [...(previous as string[]), text];
}

/** "10m" ago, or a time as it is written: as ISO 8601 text. */
export function parseSince(text: string): string {
  if (/^\d+(?:\.\d+)?\s*(ms|s|m|h)?$/.test(text))
    return new Date(Date.now() - parseSeconds(text) * 1000).toISOString();
  const at = new Date(text);
  if (!Number.isNaN(at.getTime())) return at.toISOString();
  throw new InvalidArgumentError("It must be a span (10m, 2h) or a time (2026-01-31T12:00).");
}

function wholeNumber(text: string, least: number, most: number): number {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
}
