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
