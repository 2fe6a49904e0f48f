const DECIMAL = ["k", "M", "G", "T", "P", "E"];
const BINARY = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

const POWERS = new Map<string, number>([
  ["", 1],
  ...DECIMAL.map((suffix, index): [string, number] => [suffix, 1000 ** (index + 1)]),
  ...BINARY.map((suffix, index): [string, number] => [suffix, 1024 ** (index + 1)]),
]);

const CPU = /^(\d+(?:\.\d+)?|\.\d+)(m?)$/;
const BYTES = /^(\d+(?:\.\d+)?|\.\d+)([A-Za-z]*)$/;

/** Cores from "1", "1.5", "1500m"; null where it is no such text or not above zero. */
export function parseCpu(text: string): number | null {
  const [, digits, milli] = CPU.exec(text) ?? [];
  if (digits === undefined) return null;
  const cores = Number(digits) / (milli ? 1000 : 1);
  return cores > 0 ? cores : null;
}

/** Bytes from "1024", "512M", "1.5Gi", as Kubernetes writes them; null where it is no such text. */
export function parseBytes(text: string): number | null {
  const [, digits, suffix = ""] = BYTES.exec(text) ?? [];
  const power = POWERS.get(suffix);
  if (digits === undefined || power === undefined) return null;
  const bytes = Math.round(Number(digits) * power);
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** As `parseBytes`, and with the spellings that people use for files: "100MiB", "100 MB". */
export function parseSize(text: string): number | null {
  return parseBytes(
    text
      .trim()
      .replace(/\s+(?=[A-Za-z])/, "")
      .replace(/(?<=[A-Za-z\d])B$/, ""),
  );
}

/** The spelling of bytes that was probably meant: "512mb" -> "512Mi"; undefined where none is near. */
export function suggestBytes(text: string): string | undefined {
  const [, digits, letters = ""] = /^(\d+(?:\.\d+)?)\s*([A-Za-z]*)$/.exec(text.trim()) ?? [];
  const letter = letters.charAt(0).toUpperCase();
  const binary = BINARY.find((suffix) => suffix.startsWith(letter));
  return digits === undefined || letter === "" || binary === undefined ? undefined : `${digits}${binary}`;
}
