import { existsSync } from "node:fs";
import { join } from "node:path";
import { parse } from "acorn";
import type { InstalledPackage } from "./installed-package.ts";

/** Words that a platform's own package carries in its name: @img/sharp-linux-x64. */
const PLATFORM_PACKAGE =
  /(linux|linuxmusl|darwin|macos|win32|windows|android|freebsd)[-_.]?(\w+[-_.])?(x64|x86_64|arm64|aarch64|ia32|arm|universal)/i;

/** Source that only works in its own place on disk, with the reason that is shown. */
const SIGNS: readonly [RegExp, string][] = [
  [/\.node\b['"`]/, "native addon"],
  [/\bnode-gyp-build\b|\bnode-pre-gyp\b|\brequire\(\s*['"]bindings['"]\s*\)/, "native addon"],
  [/\bnew\s+(\w+\.)?Worker\s*\(/, "starts workers from files of its own"],
  [/\brequire\.resolve\b/, "looks for files of its own"],
  [/\b__dirname\b|\b__filename\b/, "reads files beside itself"],
  [/\bimport\.meta\.(url|dirname|filename|resolve)\b/, "reads files beside itself"],
];

/** Why a package, by its package.json, cannot be bundled; null where nothing there says so. */
export function nativeByPackageJson({ dir, json }: InstalledPackage): string | null {
  const optional = Object.keys(json.optionalDependencies ?? {});
  const isNative =
    json.gypfile === true ||
    (typeof json.binary === "object" && json.binary !== null) ||
    (typeof json.napi === "object" && json.napi !== null) ||
    (Array.isArray(json.os) && Array.isArray(json.cpu)) ||
    optional.some((name) => PLATFORM_PACKAGE.test(name)) ||
    /\b(node-gyp|node-pre-gyp|prebuild-install|node-gyp-build|cmake-js)\b/.test(
      json.scripts?.["install"] ?? "",
    ) ||
    existsSync(join(dir, "binding.gyp"));
  return isNative ? "native addon" : null;
}

/** Why a package, by the source of one of its files, cannot be bundled. In doubt it is not: that only costs disk. */
export function needsDiskBySource(source: string): string | null {
  if (!SIGNS.some(([sign]) => sign.test(source))) return null;
  const code = withoutComments(source);
  return SIGNS.find(([sign]) => sign.test(code))?.[1] ?? null;
}

/** Comments become blanks; source that does not parse stays whole. */
function withoutComments(source: string): string {
  for (const sourceType of ["module", "script"] as const) {
    try {
      let code = "";
      let end = 0;
      parse(source, {
        ecmaVersion: "latest",
        sourceType,
        allowHashBang: true,
        allowReturnOutsideFunction: true,
        onComment: (_block, _text, start, stop) => {
          code += source.slice(end, start);
          end = stop;
        },
      });
      return code + source.slice(end);
    } catch {
      // The other kind of source, or no JavaScript that acorn knows.
    }
  }
  return source;
}
