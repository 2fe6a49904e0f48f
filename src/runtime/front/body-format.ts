import { BodyFormat } from "../channel/body-format.ts";
import { INFER_ROUTES } from "./routes.ts";

/** application/octet-stream is how Truss's clients call it. */
const MSGPACK = /^application\/(?:octet-stream|x-msgpack|msgpack|vnd\.msgpack)(?=$|[;\s])/i;
const FORM = /^multipart\/form-data(?=$|[;\s])/i;

/** What a route's body is, by its content type; null where the method cannot take it. Anything else is JSON. */
export function bodyFormat(route: string, contentType: string | undefined, raw: boolean): number | null {
  if (INFER_ROUTES.has(route)) return raw ? null : BodyFormat.TENSORS;
  if (raw || contentType === undefined) return BodyFormat.PLAIN;
  const type = contentType.trim();
  if (MSGPACK.test(type)) return BodyFormat.MSGPACK;
  return FORM.test(type) ? BodyFormat.FORM : BodyFormat.PLAIN;
}
