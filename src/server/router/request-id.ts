import { randomBytes } from "node:crypto";

const PREFIX = randomBytes(5).toString("hex");
/** What the runtime takes over from its caller, too. */
const ALLOWED = /^[\w.:/+=@-]{1,128}$/;
let count = 0;

/** The caller's x-request-id where it is a usable one, otherwise a new id. */
export function requestId(given: string | string[] | undefined): string {
  if (typeof given === "string" && ALLOWED.test(given)) return given;
  count += 1;
  return `req_${PREFIX}${count.toString(36)}`;
}
