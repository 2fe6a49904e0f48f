/** How a request's body is to be read, as its route and content type say; on the channel as a number. */
export const BodyFormat = {
  /** JSON, or the bytes themselves where the method takes raw input. */
  PLAIN: 0,
  MSGPACK: 1,
  /** multipart/form-data. */
  FORM: 2,
  /** Tensors of the Open Inference Protocol. */
  TENSORS: 3,
} as const;

/** application/octet-stream is how Truss's clients call it. */
const MSGPACK = /^application\/(?:octet-stream|x-msgpack|msgpack|vnd\.msgpack)(?=$|[;\s])/i;
const FORM = /^multipart\/form-data(?=$|[;\s])/i;

/** Anything else is JSON, or what a method with raw input makes of it. */
export function formatOfContentType(contentType: string | undefined, raw: boolean): number {
  if (raw || contentType === undefined) return BodyFormat.PLAIN;
  const type = contentType.trim();
  if (MSGPACK.test(type)) return BodyFormat.MSGPACK;
  return FORM.test(type) ? BodyFormat.FORM : BodyFormat.PLAIN;
}
