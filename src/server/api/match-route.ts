import type { Route } from "./route.ts";

export interface RouteMatch {
  route: Route;
  params: Record<string, string>;
}

interface Compiled {
  route: Route;
  pattern: RegExp;
  names: string[];
}

/** Routes by path pattern. A path that is known with another method only answers which ones. */
export function compileRoutes(
  routes: readonly Route[],
): (method: string, path: string) => RouteMatch | { allow: string[] } {
  const compiled = routes.map((route): Compiled => {
    const names: string[] = [];
    const source = route.path.replaceAll(/:([a-z]+)|[.]/g, (found, name: string | undefined) => {
      if (name === undefined) return `\\${found}`;
      // A name begins a segment; what follows a colon elsewhere is part of the path: pushes/:push:commit.
      return `:${name}`;
    });
    const pattern = source.replaceAll(/(?<=\/):([a-z]+)/g, (_found, name: string) => {
      names.push(name);
      return "([^/]+?)";
    });
    return { route, pattern: new RegExp(`^${pattern}$`), names };
  });
  return (method, path) => {
    const allow = new Set<string>();
    for (const { route, pattern, names } of compiled) {
      const found = pattern.exec(path);
      if (found === null) continue;
      if (route.method !== method && !(method === "HEAD" && route.method === "GET")) {
        allow.add(route.method);
        continue;
      }
      const params: Record<string, string> = {};
      names.forEach((name, at) => (params[name] = decode(found[at + 1] as string)));
      return { route, params };
    }
    return { allow: [...allow] };
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
