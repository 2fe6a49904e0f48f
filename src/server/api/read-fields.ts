import { HostError } from "../host-error.ts";
import type { ApiCall } from "./route.ts";

/** The JSON object of a small request; an absent body is an empty one. */
export async function readFields(call: ApiCall, limitBytes = 64 * 1024): Promise<Record<string, unknown>> {
  if (call.headers["content-length"] === undefined && call.headers["transfer-encoding"] === undefined)
    return {};
  if (call.headers["content-length"] === "0") return {};
  const value = await call.readJson(limitBytes);
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new HostError("BAD_REQUEST", "The body must be a JSON object.");
}

/** Throws HostError BAD_REQUEST, naming the field. */
export function textField(fields: Record<string, unknown>, name: string): string | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string" && value.length <= 64 * 1024) return value;
  throw new HostError("BAD_REQUEST", `${name} must be text.`);
}

export function environmentField(fields: Record<string, unknown>, name: string, otherwise?: string): string {
  const value = textField(fields, name) ?? otherwise;
  if (value !== undefined && /^[a-z0-9][a-z0-9-]{0,62}$/.test(value)) return value;
  throw new HostError(
    "BAD_REQUEST",
    `${name} must be the name of an environment: lower-case letters, digits and -.`,
  );
}

export function percentField(fields: Record<string, unknown>, name: string): number | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 99) return value as number;
  throw new HostError("BAD_REQUEST", `${name} must be a whole number from 1 to 99.`);
}

/** A whole number from 1 on of the query. Throws HostError BAD_REQUEST, naming it. */
export function countParam(
  url: URL,
  name: string,
  { otherwise, most = Number.MAX_SAFE_INTEGER }: { otherwise: number; most?: number },
): number {
  const text = url.searchParams.get(name);
  if (text === null) return otherwise;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= most) return value;
  throw new HostError("BAD_REQUEST", `${name} must be a whole number from 1 to ${most}.`);
}
