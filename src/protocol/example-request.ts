import type { Example } from "./config.ts";
import { PACKAGE_PATHS } from "./manifest.ts";

/** Where the file of an example's input lies in its package; null where the input stands in config.yaml. */
export function exampleInputPath({ input_file: file }: Example): string | null {
  return file === undefined ? null : `${PACKAGE_PATHS.data}/${file}`;
}

/** Of the body that an example is sent with. */
export function exampleContentType({ input_file: file }: Example): string {
  return file === undefined ? "application/json" : contentTypeOfFile(file);
}

/** By the ending of its name. */
export function contentTypeOfFile(file: string): string {
  const ending = /\.([a-z0-9]+)$/i.exec(file)?.[1]?.toLowerCase() ?? "";
  return CONTENT_TYPES[ending] ?? "application/octet-stream";
}

/** A model with raw input reads it from `request.headers`. */
const CONTENT_TYPES: Record<string, string> = {
  json: "application/json",
  msgpack: "application/x-msgpack",
  txt: "text/plain; charset=utf-8",
  csv: "text/csv; charset=utf-8",
  pdf: "application/pdf",
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  webp: "image/webp",
  gif: "image/gif",
  wav: "audio/wav",
  mp3: "audio/mpeg",
  flac: "audio/flac",
  ogg: "audio/ogg",
  mp4: "video/mp4",
};
