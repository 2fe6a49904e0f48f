import type { Transform } from "node:stream";
import type * as Zlib from "node:zlib";

/** How a body may be packed (RFC 9110 §8.4.1). Node packs and unpacks zstd from 22.15 on. */
export type Coding = "gzip" | "deflate" | "br" | "zstd";

const NAMES: Record<string, Coding | null> = {
  identity: null,
  gzip: "gzip",
  "x-gzip": "gzip",
  deflate: "deflate",
  br: "br",
  zstd: "zstd",
};
/** Nobody packs more often than that for a good reason. */
const MOST_CODINGS = 3;

/** The module is for bodies that are packed: a start does not pay for it. */
export function zlib(): typeof Zlib {
  return process.getBuiltinModule("node:zlib");
}

/** Those that this Node knows, the best first. */
export function knownCodings(): Coding[] {
  const hasZstd = "createZstdCompress" in zlib();
  return hasZstd ? ["zstd", "br", "gzip", "deflate"] : ["br", "gzip", "deflate"];
}

/** The codings of a body in the order in which they were applied; a sentence where one of them is not known. */
export function readContentEncoding(header: string | undefined): Coding[] | string {
  if (header === undefined) return [];
  const names = header
    .toLowerCase()
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  const codings: Coding[] = [];
  for (const name of names) {
    const coding = Object.hasOwn(NAMES, name) ? NAMES[name] : undefined;
    if (coding === null) continue;
    if (coding === undefined || !knownCodings().includes(coding)) {
      return `The content-encoding ${JSON.stringify(name.slice(0, 40))} is not supported; ${knownCodings().join(", ")} are.`;
    }
    codings.push(coding);
  }
  return codings.length > MOST_CODINGS
    ? `The body is packed ${codings.length} times; ${MOST_CODINGS} is the most.`
    : codings;
}

/** For the answer to a body that is packed in another way. */
export function acceptedCodings(): string {
  return knownCodings().join(", ");
}

export function createUnpacker(coding: Coding): Transform {
  const { createGunzip, createBrotliDecompress, createZstdDecompress } = zlib() as typeof Zlib & {
    createZstdDecompress(): Transform;
  };
  if (coding === "gzip") return createGunzip();
  if (coding === "br") return createBrotliDecompress();
  return coding === "zstd" ? createZstdDecompress() : createInflateOfEither();
}

/** `deflate` is zlib's format; some clients send the bare stream that is inside of it. The first byte tells. */
function createInflateOfEither(): Transform {
  const { Transform } = process.getBuiltinModule("node:stream");
  let inner: Transform | null = null;
  const begin = (first: number): Transform => {
    const { createInflate, createInflateRaw } = zlib();
    const inflate = (first & 0x0f) === 8 ? createInflate() : createInflateRaw();
    inflate.on("data", (plain: Buffer) => {
      if (!outer.push(plain)) inflate.pause();
    });
    inflate.on("error", (error) => outer.destroy(error));
    return inflate;
  };
  const outer = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (chunk.byteLength === 0) return done();
      inner ??= begin(chunk[0] as number);
      inner.write(chunk, (error) => done(error));
    },
    flush(done) {
      if (inner === null) return done();
      inner.once("end", () => done());
      inner.end();
    },
    destroy(error, done) {
      inner?.destroy();
      done(error);
    },
  });
  const read = outer._read.bind(outer);
  outer._read = (size) => {
    inner?.resume();
    read(size);
  };
  return outer;
}
