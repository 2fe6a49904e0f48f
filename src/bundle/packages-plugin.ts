import { isBuiltin } from "node:module";
import { extname, join, relative } from "node:path";
import type { OnResolveArgs, OnResolveResult, Plugin, PluginBuild, ResolveResult } from "esbuild";
import { ASSET_EXTENSIONS, ASSET_NAMESPACE, stablePath } from "./asset-files.ts";
import { isInstalled, type InstalledPackage, packageName, packageOfFile } from "./installed-package.ts";
import { isCommonJs } from "./module-format.ts";
import { nativeByPackageJson } from "./needs-disk.ts";
import type { OutsidePackages } from "./outside-packages.ts";
import { packageEntry } from "./package-entry.ts";

/**
 * Imports of CommonJS from outside the bundle go through `require`, as if it were bundled: any name can be
 * imported from it, where Node alone offers only the names that it can make out in the source.
 */
const REQUIRED_NAMESPACE = "purlin-outside";

/** Marks a question of our own to esbuild's resolver. */
const ASKED = Symbol("asked");

export interface PackagesPluginOptions {
  projectDir: string;
  outside: OutsidePackages;
  /** config.yaml's build.external and build.bundle. */
  external: readonly string[];
  bundle: readonly string[];
  /** Folder whose node_modules holds the packages for another target; null for the project's own. */
  packagesDir: string | null;
  /** Answers of the resolver, which stay true until packages are installed. */
  resolved: Map<string, ResolveResult>;
}

type Question = Pick<OnResolveArgs, "path" | "kind" | "resolveDir" | "importer">;

/** Decides for each imported package whether it is bundled or stays outside, and points the import there. */
export function packagesPlugin(options: PackagesPluginOptions): Plugin {
  return {
    name: "purlin-packages",
    setup(build) {
      build.onResolve({ filter: /^[^./]/ }, async (args) => {
        if (args.pluginData === ASKED || args.kind === "entry-point") return undefined;
        if (isBuiltin(args.path) || /^(node|data|https?):/.test(args.path)) return undefined;
        return resolveBare(build, args, options);
      });
      build.onResolve({ filter: /./, namespace: REQUIRED_NAMESPACE }, ({ path }) => ({
        path,
        external: true,
      }));
      build.onLoad({ filter: /./, namespace: REQUIRED_NAMESPACE }, ({ path }) => ({
        contents: `module.exports = require(${JSON.stringify(path)});`,
      }));
    },
  };
}

async function resolveBare(
  build: PluginBuild,
  args: OnResolveArgs,
  options: PackagesPluginOptions,
): Promise<OnResolveResult | undefined> {
  const fromPackage = isInstalled(args.importer);
  const resolved = await resolveOnce(build, args, options);
  if (resolved.errors.length > 0) {
    // A package that can do without: it will find out by itself. The user's own imports are checked by esbuild.
    const canDoWithout = fromPackage && args.kind !== "import-statement";
    return canDoWithout ? { path: args.path, external: true } : undefined;
  }
  if (resolved.external || resolved.namespace !== "file") return undefined;
  const pkg = packageOfFile(resolved.path);
  if (pkg === null) return undefined;
  if (!fromPackage && ASSET_EXTENSIONS.has(extname(resolved.path)) && args.kind !== "require-resolve") {
    const path = stablePath(relative(options.projectDir, resolved.path));
    return { path, namespace: ASSET_NAMESPACE, pluginData: resolved.path };
  }
  const reason = reasonToStayOutside(pkg, args, options);
  if (reason !== null) options.outside.add(pkg, reason);
  if (options.outside.has(pkg) && runsFromDisk(resolved.path, args)) {
    return outsideImport(pkg, resolved.path, args, options.outside);
  }
  return { path: resolved.path, sideEffects: resolved.sideEffects, suffix: resolved.suffix };
}

/** The installed file that a specifier names, with its path from the package's folder; null where there is none. */
export async function locateInPackage(
  build: PluginBuild,
  args: Question,
  options: PackagesPluginOptions,
): Promise<{ pkg: InstalledPackage; path: string } | null> {
  const resolved = await resolveOnce(build, args, options);
  if (resolved.errors.length > 0 || resolved.external) return null;
  const pkg = packageOfFile(resolved.path);
  return pkg === null ? null : { pkg, path: relative(pkg.dir, resolved.path) };
}

async function resolveOnce(
  build: PluginBuild,
  args: Question,
  options: PackagesPluginOptions,
): Promise<ResolveResult> {
  const key = `${args.kind}\n${args.resolveDir}\n${args.path}`;
  const known = options.resolved.get(key);
  if (known) return known;
  const ask = (resolveDir: string) =>
    build.resolve(args.path, {
      kind: args.kind,
      resolveDir,
      importer: args.importer,
      namespace: "file",
      pluginData: ASKED,
    });
  let resolved = await ask(args.resolveDir);
  const isForeign = options.packagesDir !== null && !isInstalled(args.importer);
  if (isForeign && (resolved.errors.length > 0 || isInstalled(resolved.path))) {
    resolved = await ask(options.packagesDir ?? args.resolveDir);
  }
  // The user's own files come and go with every save; what npm installed stays.
  if (resolved.errors.length === 0 && isInstalled(resolved.path)) options.resolved.set(key, resolved);
  return resolved;
}

function reasonToStayOutside(
  pkg: InstalledPackage,
  args: OnResolveArgs,
  options: PackagesPluginOptions,
): string | null {
  if (options.external.includes(pkg.name)) return "build.external";
  if (options.bundle.includes(pkg.name)) return null;
  if (args.kind === "require-resolve") return "its files are looked for by name";
  return nativeByPackageJson(pkg);
}

/** Data and TypeScript are bundled even from a package that stays outside: Node does not import them as they are. */
function runsFromDisk(file: string, args: OnResolveArgs): boolean {
  return args.kind === "require-resolve" || !/\.(json|[cm]?ts|tsx|jsx|css)$/.test(file);
}

/** The import as it is written into the bundle, which lies in code/, beside deps/. */
function outsideImport(
  pkg: InstalledPackage,
  file: string,
  args: OnResolveArgs,
  outside: OutsidePackages,
): OnResolveResult {
  const location = outside.location(pkg);
  const byRequire = args.kind === "require-call" || args.kind === "require-resolve";
  const isNamed = packageName(args.path) === pkg.name;
  // The bundle's own require looks in deps/: Node resolves the name there as it does anywhere.
  if (byRequire && isNamed && location === `node_modules/${pkg.name}`)
    return { path: args.path, external: true };
  const subpath = `.${args.path.slice(pkg.name.length)}`;
  const entry = isNamed ? packageEntry(pkg, subpath, byRequire ? "require" : "import") : null;
  const within = entry ?? relative(pkg.dir, file);
  const path = `${location}/${within}`;
  if (byRequire) return { path: `./${path}`, external: true };
  if (isCommonJs(join(pkg.dir, within), pkg)) return { path: `./${path}`, namespace: REQUIRED_NAMESPACE };
  return { path: encodeSpecifier(`../deps/${path}`), external: true };
}

/** Import specifiers are URLs. */
function encodeSpecifier(path: string): string {
  return path.replaceAll("%", "%25").replaceAll("?", "%3F").replaceAll("#", "%23");
}
