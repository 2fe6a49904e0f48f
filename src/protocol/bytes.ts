const DECIMAL = ["k", "M", "G", "T", "P", "E"];
/** Suffixes of powers of 1024, as Kubernetes writes them. */
export const BINARY_SUFFIXES = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

const POWERS = new Map<string, number>([
  ["", 1],
  ...DECIMAL.map((suffix, index): [string, number] => [suffix, 1000 ** (index + 1)]),
  ...BINARY_SUFFIXES.map((suffix, index): [string, number] => [suffix, 1024 ** (index + 1)]),
]);

const BYTES = /^(\d+(?:\.\d+)?|\.\d+)([A-Za-z]*)$/;

/** Bytes from "1024", "512M", "1.5Gi", as Kubernetes writes them; null where it is no such text. */
export function parseBytes(text: string): number | null {
  const [, digits, suffix = ""] = BYTES.exec(text) ?? [];
  const power = POWERS.get(suffix);
  if (digits === undefined || power === undefined) return null;
  const bytes = Math.round(Number(digits) * power);
  return Number.isSafeInteger(bytes) ? bytes : null;
}
