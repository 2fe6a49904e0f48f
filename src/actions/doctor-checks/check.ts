export interface Check {
  /** Short and stable: "node", "disk-space". */
  name: string;
  status: "ok" | "warn" | "fail";
  /** What was found. */
  detail: string;
  /** What to do about it; null where there is nothing to do. */
  hint: string | null;
}

export function ok(name: string, detail: string): Check {
  return { name, status: "ok", detail, hint: null };
}

/** Something that works, but not everything will. */
export function warn(name: string, detail: string, hint: string): Check {
  return { name, status: "warn", detail, hint };
}

/** Something without which Purlin does not work here. */
export function fail(name: string, detail: string, hint: string): Check {
  return { name, status: "fail", detail, hint };
}
