import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

interface SourceMapFile {
  sources: string[];
  sourceRoot?: string;
  sourcesContent?: (string | null)[];
}

const MAP_LINE = /^\/\/# sourceMappingURL=.*$/m;

/**
 * A package's source maps name files as they lay in its project, wherever that was. For a debugger they are to lead
 * to the very files, and to stand in the code itself: not every debugger reads a file beside it. `codeDir` is code/
 * of a private copy; its files may be links to others, which stay as they are.
 */
export function leadMapsToProject(codeDir: string, projectDir: string): void {
  for (const entry of readdirSync(codeDir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith(".map")) continue;
    const file = join(entry.parentPath, entry.name);
    const folder = relative(codeDir, dirname(file)).split(sep).join("/");
    leadMap(file, pathToFileURL(join(projectDir, "code", folder, "/")).href);
  }
}

function leadMap(file: string, sourceRoot: string): void {
  const map = JSON.parse(readFileSync(file, "utf8")) as SourceMapFile;
  const sourcesContent = map.sources.map((source) => readSource(new URL(source, sourceRoot)));
  const led = JSON.stringify({ ...map, sourceRoot, sourcesContent });
  replace(file, led);
  const script = file.slice(0, -".map".length);
  const code = readFileSync(script, "utf8");
  const url = `data:application/json;base64,${Buffer.from(led).toString("base64")}`;
  replace(script, code.replace(MAP_LINE, `//# sourceMappingURL=${url}`));
}

function replace(file: string, text: string): void {
  rmSync(file);
  writeFileSync(file, text);
}

/** Null where a package was built elsewhere, or from what has been moved since. */
function readSource(url: URL): string | null {
  try {
    return readFileSync(fileURLToPath(url), "utf8");
  } catch {
    return null;
  }
}
