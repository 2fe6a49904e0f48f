import { BINARY_SUFFIXES, parseBytes } from "../protocol/bytes.ts";

const CPU = /^(\d+(?:\.\d+)?|\.\d+)(m?)$/;

/** Cores from "1", "1.5", "1500m"; null where it is no such text or not above zero. */
export function parseCpu(text: string): number | null {
  const [, digits, milli] = CPU.exec(text) ?? [];
  if (digits === undefined) return null;
  const cores = Number(digits) / (milli ? 1000 : 1);
  return cores > 0 ? cores : null;
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
  const binary = BINARY_SUFFIXES.find((suffix) => suffix.startsWith(letter));
  return digits === undefined || letter === "" || binary === undefined ? undefined : `${digits}${binary}`;
}
