import type { Transform } from "node:stream";
import type * as Zlib from "node:zlib";
import { type Coding, zlib } from "./content-coding.ts";

/** Quick settings: an answer is waited for. */
const GZIP_LEVEL = 4;
const BROTLI_QUALITY = 4;

type WithZstd = typeof Zlib & {
  createZstdCompress(options: object): Transform;
  zstdCompress(body: Uint8Array, done: (error: Error | null, packed: Buffer) => void): void;
};

/** Packs on threads of its own. With `flushes`, what is written in one piece can be read without the next one. */
export function createPacker(coding: Coding, { flushes }: { flushes: boolean }): Transform {
  const { createBrotliCompress, createDeflate, createGzip, createZstdCompress, constants } =
    zlib() as WithZstd;
  const { BROTLI_OPERATION_FLUSH, BROTLI_PARAM_QUALITY, Z_SYNC_FLUSH } = constants;
  switch (coding) {
    case "gzip":
      return createGzip({ level: GZIP_LEVEL, ...(flushes ? { flush: Z_SYNC_FLUSH } : {}) });
    case "deflate":
      return createDeflate({ level: GZIP_LEVEL, ...(flushes ? { flush: Z_SYNC_FLUSH } : {}) });
    case "br":
      return createBrotliCompress({
        params: { [BROTLI_PARAM_QUALITY]: BROTLI_QUALITY },
        ...(flushes ? { flush: BROTLI_OPERATION_FLUSH } : {}),
      });
    case "zstd":
      return createZstdCompress(
        flushes ? { flush: (constants as unknown as Record<string, number>)["ZSTD_e_flush"] } : {},
      );
  }
}

export function packWhole(coding: Coding, body: Uint8Array): Promise<Buffer> {
  const { brotliCompress, deflate, gzip, zstdCompress, constants } = zlib() as WithZstd;
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, packed: Buffer): void => {
      if (error === null) resolve(packed);
      else reject(error);
    };
    if (coding === "gzip") gzip(body, { level: GZIP_LEVEL }, done);
    else if (coding === "deflate") deflate(body, { level: GZIP_LEVEL }, done);
    else if (coding === "zstd") zstdCompress(body, done);
    else brotliCompress(body, { params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } }, done);
  });
}
