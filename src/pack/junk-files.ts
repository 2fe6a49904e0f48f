const JUNK_FILE =
  /\.(md|markdown|map|tsbuildinfo|flow|d\.[cm]?ts|c|cc|cpp|cxx|h|hh|hpp|hxx|gyp|gypi|o|obj|a|lib|pdb|exp|mk|vcxproj|sln|orig|rej)$/i;
const JUNK_NAME =
  /^(\.(?:git|npm|eslint|prettier|editorconfig|travis|github|DS_Store)|Makefile$|CMakeLists\.txt$|binding\.gyp$)/;
const JUNK_FOLDERS = new Set([
  "test",
  "tests",
  "__tests__",
  "docs",
  "example",
  "examples",
  "benchmark",
  "benchmarks",
]);
const LEGAL = /^(licen[cs]e|notice|copying|copyright|third[-_]?party)/i;

/**
 * Files of an installed package that no program reads: documents, types, maps, sources of compiled code.
 * A folder of tests or examples counts only at the top of the package, and only where package.json does not
 * name it. Returns the rule, or null for what is kept.
 */
export function junkRule(path: string, packageJson: string): string | null {
  const segments = path.split("/");
  const name = segments.at(-1) ?? "";
  if (LEGAL.test(name)) return null;
  if (JUNK_NAME.test(name)) return "files for building and editing it";
  if (JUNK_FILE.test(name)) return "documents, types, maps and sources";
  const [top = ""] = segments;
  const isNamed =
    packageJson.includes(`"${top}/`) ||
    packageJson.includes(`"./${top}/`) ||
    packageJson.includes(`"./${top}"`);
  return segments.length > 1 && JUNK_FOLDERS.has(top) && !isNamed ? "its tests and examples" : null;
}
