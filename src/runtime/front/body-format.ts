import { BodyFormat, formatOfContentType } from "../channel/body-format.ts";
import { BINARY_ROUTE, INFER_ROUTES } from "./routes.ts";

/** What a route's body is, by its content type; null where the method cannot take it. Anything else is JSON. */
export function bodyFormat(route: string, contentType: string | undefined, raw: boolean): number | null {
  if (INFER_ROUTES.has(route)) return raw ? null : BodyFormat.TENSORS;
  if (route === BINARY_ROUTE && contentType === undefined && !raw) return BodyFormat.MSGPACK;
  return formatOfContentType(contentType, raw);
}
