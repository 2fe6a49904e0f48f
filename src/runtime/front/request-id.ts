// Ids need to differ, not to be secret, and node:crypto is slow to load.
const PREFIX = Math.random().toString(36).slice(2, 10);
const ALLOWED = /^[\w.:/+=@-]{1,128}$/;
let count = 0;

/** The caller's x-request-id where it is a usable one, otherwise a new id. */
export function requestId(given: string | string[] | undefined): string {
  if (typeof given === "string" && ALLOWED.test(given)) return given;
  count += 1;
  return `${PREFIX}-${count.toString(36)}`;
}
