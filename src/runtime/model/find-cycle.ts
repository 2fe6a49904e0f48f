/** The path at which a value holds one of its own ancestors, or null where none does. Linear in what there is. */
export function findCycle(value: unknown): string | null {
  const open = new Set<object>();
  const done = new Set<object>();

  const visit = (item: unknown, path: string): string | null => {
    if (typeof item !== "object" || item === null || ArrayBuffer.isView(item) || done.has(item)) return null;
    if (open.has(item)) return path;
    open.add(item);
    for (const key of Object.keys(item)) {
      const name = Array.isArray(item) ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`;
      const found = visit((item as Record<string, unknown>)[key], name);
      if (found !== null) return found;
    }
    open.delete(item);
    done.add(item);
    return null;
  };

  return visit(value, "");
}
