/** What a double counts exactly; longer than anybody waits. */
export const MOST_TIMEOUT_MS = Number.MAX_SAFE_INTEGER;

/** Milliseconds of `x-request-timeout-ms`: NaN without one, null for what is no whole number from 1 up. */
export function askedTimeout(header: string | string[] | undefined): number | null {
  if (header === undefined) return Number.NaN;
  const text = String(header);
  const ms = /^\d{1,16}$/.test(text) ? Number(text) : 0;
  return ms >= 1 && ms <= MOST_TIMEOUT_MS ? ms : null;
}
