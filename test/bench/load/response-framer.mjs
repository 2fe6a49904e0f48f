/**
 * As little HTTP/1.1 as a load generator needs: finds where a response ends, by Content-Length or by chunks.
 * It shares the cores with the servers that it measures, so it looks at no byte twice and allocates one
 * short string a response.
 */
const HEAD = 0;
const LENGTH = 1;
const CHUNK_SIZE = 2;
const CHUNK_DATA = 3;
const TRAILER = 4;

export class ResponseFramer {
  #state = HEAD;
  #left = 0;
  #chunkSize = 0;
  #partialHead = null;
  #onBody;
  #onEnd;
  status = 0;
  chunks = 0;
  bytes = 0;

  /** onBody(): the first byte of the body has come. onEnd(): the response is complete. */
  constructor(onBody, onEnd) {
    this.#onBody = onBody;
    this.#onEnd = onEnd;
  }

  push(buffer, length) {
    let at = 0;
    while (at < length) {
      if (this.#state === HEAD) {
        at = this.#readHead(buffer, at, length);
      } else if (this.#state === LENGTH || this.#state === CHUNK_DATA) {
        at = this.#readBody(at, length);
      } else {
        at = this.#readChunkLine(buffer, at, length);
      }
    }
  }

  #readHead(buffer, at, length) {
    if (this.#partialHead !== null) {
      const joined = Buffer.concat([this.#partialHead, buffer.subarray(at, length)]);
      const before = this.#partialHead.length;
      this.#partialHead = null;
      return at + this.#readHead(joined, 0, joined.length) - before;
    }
    const end = buffer.indexOf("\r\n\r\n", at, "latin1");
    if (end === -1 || end + 4 > length) {
      this.#partialHead = Buffer.from(buffer.subarray(at, length));
      return length;
    }
    const head = buffer.latin1Slice(at, end + 2);
    this.status = Number(head.slice(9, 12));
    this.chunks = 0;
    this.bytes = 0;
    const declared = contentLength(head);
    if (declared === 0) {
      this.#finish();
    } else if (declared > 0) {
      this.#state = LENGTH;
      this.#left = declared;
      this.bytes = declared;
    } else {
      this.#state = CHUNK_SIZE;
      this.#chunkSize = 0;
    }
    return end + 4;
  }

  #readBody(at, length) {
    if (this.#state === LENGTH && this.#left === this.bytes) this.#onBody();
    const take = Math.min(this.#left, length - at);
    this.#left -= take;
    if (this.#left === 0) {
      if (this.#state === LENGTH) this.#finish();
      else this.#state = CHUNK_SIZE;
    }
    return at + take;
  }

  /** One byte of `hex CR LF`; the CR LF that ends a chunk's data is counted with the data. */
  #readChunkLine(buffer, at, length) {
    while (at < length) {
      const byte = buffer[at++];
      if (byte === 10) {
        if (this.#state === TRAILER) {
          this.#finish();
          return at;
        }
        if (this.#chunkSize === 0) {
          this.#state = TRAILER;
          continue;
        }
        if (this.chunks++ === 0) this.#onBody();
        this.bytes += this.#chunkSize;
        this.#left = this.#chunkSize + 2;
        this.#chunkSize = 0;
        this.#state = CHUNK_DATA;
        return at;
      }
      if (byte !== 13) this.#chunkSize = this.#chunkSize * 16 + hexDigit(byte);
    }
    return at;
  }

  #finish() {
    this.#state = HEAD;
    this.#onEnd();
  }
}

/** -1 where there is none: then the body is chunked. */
function contentLength(head) {
  let at = head.indexOf("\r\ncontent-length:");
  if (at === -1) at = head.indexOf("\r\nContent-Length:");
  return at === -1 ? -1 : Number.parseInt(head.slice(at + 17, at + 30), 10);
}

function hexDigit(byte) {
  if (byte <= 57) return byte - 48;
  return (byte | 32) - 87;
}
