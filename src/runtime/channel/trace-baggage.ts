/** W3C trace state and baggage as they may be passed on: bounded, and without what is malformed. */

const MAX_STATE_MEMBERS = 32;
const MAX_STATE_CHARS = 512;
/** Longer members go first where there is too much. */
const LARGE_STATE_MEMBER = 128;
const STATE_KEY = /^(?:[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})$/;
const STATE_VALUE = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/** Members in their order; of a key that comes twice the first counts, which is the newest. */
export function readTracestate(header: string): string {
  const seen = new Set<string>();
  let members = header.split(",").flatMap((part) => {
    const member = part.trim();
    const [key = "", value = ""] = splitAt(member, "=");
    if (!STATE_KEY.test(key) || !STATE_VALUE.test(value) || seen.has(key)) return [];
    seen.add(key);
    return [`${key}=${value}`];
  });
  members = members.slice(0, MAX_STATE_MEMBERS);
  const isTooLong = (): boolean => members.join(",").length > MAX_STATE_CHARS;
  if (isTooLong()) members = members.filter((member) => member.length <= LARGE_STATE_MEMBER);
  while (isTooLong()) members.pop();
  return members.join(",");
}

export interface BaggageMember {
  key: string;
  /** Decoded. */
  value: string;
  /** What follows the value, as it came. */
  properties: string;
}

const MAX_BAGGAGE_MEMBERS = 180;
const MAX_BAGGAGE_BYTES = 8192;
const TOKEN = /^[\w!#$%&'*+\-.^`|~]+$/;
const BAGGAGE_VALUE = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/;
const PROPERTIES = /^[\x20\t\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]*$/;

export function readBaggage(header: string): BaggageMember[] {
  const members = new Map<string, BaggageMember>();
  let bytes = 0;
  for (const part of header.split(",")) {
    if (members.size === MAX_BAGGAGE_MEMBERS) break;
    const size = part.trim().length + 1;
    if (bytes + size > MAX_BAGGAGE_BYTES + 1) continue;
    const member = readMember(part);
    if (member === null) continue;
    members.set(member.key, member);
    bytes += size;
  }
  return [...members.values()];
}

export function formatBaggage(members: readonly BaggageMember[]): string {
  const parts: string[] = [];
  let bytes = -1;
  for (const { key, value, properties } of members) {
    if (parts.length === MAX_BAGGAGE_MEMBERS) break;
    if (!TOKEN.test(key) || !PROPERTIES.test(properties)) continue;
    const part = `${key}=${encode(value)}${properties === "" ? "" : `;${properties}`}`;
    if (bytes + 1 + part.length > MAX_BAGGAGE_BYTES) continue;
    bytes += 1 + part.length;
    parts.push(part);
  }
  return parts.join(",");
}

function readMember(part: string): BaggageMember | null {
  const [pair = "", properties = ""] = splitAt(part.trim(), ";");
  const [left, right] = splitAt(pair, "=");
  const key = (left ?? "").trim();
  const value = right?.trim();
  if (value === undefined || !TOKEN.test(key) || !BAGGAGE_VALUE.test(value)) return null;
  if (!PROPERTIES.test(properties)) return null;
  try {
    return { key, value: decodeURIComponent(value), properties: properties.trim() };
  } catch {
    return null;
  }
}

/** Half of a surrogate pair cannot be encoded. */
function encode(value: string): string {
  return encodeURIComponent(Buffer.from(value).toString());
}

function splitAt(text: string, mark: string): string[] {
  const at = text.indexOf(mark);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
