import type { Readable, Transform } from "node:stream";
import { type Coding, createUnpacker } from "./content-coding.ts";

/** A body may unpack to this many times its size; real data rarely reaches 100. */
const MAX_RATIO = 200;
const ALLOWANCE = 1024 * 1024;

export interface UnpackHandlers {
  /** It unpacks to more than any honest body does. */
  onBomb(): void;
  onDamaged(why: string): void;
}

/**
 * The plain bytes of a packed body, at the pace of whoever reads them. Each layer is held to the same bound, so that a
 * small layer cannot hide a huge one below it. After `onBomb` or `onDamaged` nothing more comes.
 */
export function unpackBody(
  source: Readable,
  codings: readonly Coding[],
  handlers: UnpackHandlers,
): Transform {
  const layers = codings.toReversed().map(createUnpacker);
  let packed = 0;
  let isOver = false;
  const stop = (): void => {
    isOver = true;
    source.unpipe(layers[0]);
    for (const layer of layers) layer.destroy();
  };
  source.on("data", (chunk: Buffer) => (packed += chunk.byteLength));
  for (const [i, layer] of layers.entries()) {
    let unpacked = 0;
    layer.on("data", (chunk: Buffer) => {
      unpacked += chunk.byteLength;
      if (isOver || unpacked <= ALLOWANCE + packed * MAX_RATIO) return;
      stop();
      handlers.onBomb();
    });
    layer.on("error", (error) => {
      if (isOver) return;
      stop();
      handlers.onDamaged(`the ${codings.join(", ")} body is damaged: ${error.message}`);
    });
    (i === 0 ? source : (layers[i - 1] as Transform)).pipe(layer);
  }
  return layers.at(-1) as Transform;
}
