import type { Piece } from "./engine.ts";

/** From callbacks to `for await`: what is pushed is handed out in order, until the end is told. */
export class PieceQueue {
  private readonly pieces: Piece[] = [];
  private ended = false;
  private wake = () => {};

  push(piece: Piece): void {
    this.pieces.push(piece);
    this.wake();
  }

  readonly end = (): void => {
    this.ended = true;
    this.wake();
  };

  async *[Symbol.asyncIterator](): AsyncGenerator<Piece, void> {
    for (;;) {
      const piece = this.pieces.shift();
      if (piece) yield piece;
      else if (this.ended) return;
      else await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }
}
