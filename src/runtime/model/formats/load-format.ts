import { BodyFormat } from "../../channel/body-format.ts";
import type { WireFormat } from "./wire-format.ts";

/** Files beside this one in the package; not part of this bundle. */
const FILES: Record<number, string> = {
  [BodyFormat.MSGPACK]: "./binary.mjs",
  [BodyFormat.TENSORS]: "./binary.mjs",
  [BodyFormat.FORM]: "./form.mjs",
};
const loaded = new Map<number, WireFormat>();

/** At once where it has been used before. */
export function loadFormat(format: number): WireFormat | Promise<WireFormat> {
  return loaded.get(format) ?? load(format);
}

async function load(format: number): Promise<WireFormat> {
  const { formats } = (await import(FILES[format] as string)) as { formats: Record<number, WireFormat> };
  const found = formats[format] as WireFormat;
  loaded.set(format, found);
  return found;
}
