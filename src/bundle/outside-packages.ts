import { dirname, join } from "node:path";
import type { InstalledPackage } from "./installed-package.ts";
import type { ExternalPackage } from "./model-bundle.ts";

/** Below node_modules, names and node_modules by turns: npm's own layout, not a store's. */
const PLAIN_LAYOUT =
  /^node_modules\/(@[^/.][^/]*\/)?[^/.@][^/]*(\/node_modules\/(@[^/.][^/]*\/)?[^/.@][^/]*)*$/;

/** The packages that stay outside the bundle; the set only grows while one bundler lives. */
export interface OutsidePackages {
  /** Grows by one with each package added. */
  readonly size: number;
  add(pkg: InstalledPackage, reason: string): void;
  has(pkg: InstalledPackage): boolean;
  /** Below deps/: node_modules/sharp. Whoever asks points the bundle there: the package is in use. */
  location(pkg: InstalledPackage): string;
  /** Begins a round of bundling, in which nothing is in use yet. */
  beginRound(): void;
  /** Is each location that was given out in this round still the right one? */
  isSettled(): boolean;
  /** Those in use, in the order of their locations. */
  list(): ExternalPackage[];
}

export function createOutsidePackages(projectDir: string): OutsidePackages {
  const packages = new Map<string, { pkg: InstalledPackage; reason: string }>();
  let locations: Map<string, string> | null = null;
  const used = new Map<string, string>();

  return {
    get size() {
      return packages.size;
    },
    add(pkg, reason) {
      if (packages.has(pkg.dir)) return;
      packages.set(pkg.dir, { pkg, reason });
      locations = null;
    },
    has: (pkg) => packages.has(pkg.dir),
    location(pkg) {
      const location = assigned().get(pkg.dir) ?? `node_modules/${pkg.name}`;
      used.set(pkg.dir, location);
      return location;
    },
    beginRound: () => used.clear(),
    isSettled: () => [...used].every(([dir, location]) => assigned().get(dir) === location),
    list: () =>
      [...packages.values()]
        .filter(({ pkg }) => used.has(pkg.dir))
        .map(({ pkg, reason }) => ({
          name: pkg.name,
          version: pkg.version,
          dir: pkg.dir,
          location: assigned().get(pkg.dir) ?? "",
          reason,
        }))
        .sort((a, b) => (a.location < b.location ? -1 : 1)),
  };

  /** All at once and in a fixed order: which import was met first is chance. */
  function assigned(): Map<string, string> {
    if (locations !== null) return locations;
    locations = new Map();
    const taken = new Set<string>();
    const sorted = [...packages.values()].sort(
      (a, b) => byText(a.pkg.name, b.pkg.name) || byText(a.pkg.version, b.pkg.version),
    );
    for (const { pkg } of sorted) {
      const wanted = naturalLocation(pkg, projectDir);
      const location = taken.has(wanted)
        ? `node_modules/.purlin/${pkg.name.replace("/", "+")}@${pkg.version}/node_modules/${pkg.name}`
        : wanted;
      taken.add(location);
      locations.set(pkg.dir, location);
    }
    return locations;
  }
}

/** Its place below the outermost node_modules, so that the layout which npm made is kept. */
function naturalLocation(pkg: InstalledPackage, projectDir: string): string {
  const flat = `node_modules/${pkg.name}`;
  for (let dir = projectDir; ; dir = dirname(dir)) {
    const root = join(dir, "node_modules/");
    if (pkg.dir.startsWith(root)) return plain(`node_modules/${pkg.dir.slice(root.length)}`, flat);
    if (dirname(dir) === dir) break;
  }
  const at = pkg.dir.indexOf("/node_modules/");
  return at === -1 ? flat : plain(pkg.dir.slice(at + 1), flat);
}

function plain(location: string, otherwise: string): string {
  return PLAIN_LAYOUT.test(location) ? location : otherwise;
}

function byText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
