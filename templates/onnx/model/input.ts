import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { HttpError } from "purlin";

/** Either an image of the caller's, or the name of one in data/samples. */
export interface Input {
  /** Base64, or a data URL. */
  image?: string;
  sample?: string;
  /** False leaves out the single lines with their boxes and confidences. */
  lines?: boolean;
}

/** The bytes of the image file that a request means. */
export async function imageBytes(input: Input, dataDir: string): Promise<Uint8Array> {
  if (typeof input?.image === "string") return fromBase64(input.image);
  if (typeof input?.sample === "string") return readSample(join(dataDir, "samples", basename(input.sample)));
  throw new HttpError(400, 'Send an image file as base64 text: {"image": "iVBORw0KGgo..."}', {
    code: "NO_IMAGE",
  });
}

function fromBase64(text: string): Uint8Array {
  const base64 = text.replace(/^data:[^,]*;base64,/, "").replaceAll(/\s/g, "");
  // Buffer.from skips what it does not understand; half an image would be the result.
  if (base64 === "" || !/^[\w+/-]+={0,2}$/.test(base64)) {
    throw new HttpError(400, "`image` is neither base64 nor a base64 data URL", { code: "BAD_BASE64" });
  }
  return Buffer.from(base64, "base64");
}

async function readSample(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch {
    throw new HttpError(404, `There is no sample named ${basename(path)}`, { code: "NO_SAMPLE" });
  }
}
