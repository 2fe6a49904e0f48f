import { readFileSync } from "node:fs";
import type { Profiler } from "node:inspector";
import { SourceMap } from "node:module";
import { fileURLToPath } from "node:url";

/** The profile with the places of bundled code as their author knows them: model/model.ts and its lines. */
export function mapProfile(profile: Profiler.Profile): Profiler.Profile {
  const files = new Map<string, MappedFile | null>();
  const fileOf = (url: string): MappedFile | null => {
    let file = files.get(url);
    if (file === undefined) files.set(url, (file = readMapped(url)));
    return file;
  };
  return { ...profile, nodes: profile.nodes.map((node) => mapNode(node, fileOf(node.callFrame.url))) };
}

interface MappedFile {
  /** By line and column from 0; null where there is no such place in a source. */
  place(line: number, column: number): { url: string; line: number; column: number } | null;
  /** By line from 0: of the first code in it. */
  line(line: number): number | null;
}

function mapNode(node: Profiler.ProfileNode, file: MappedFile | null): Profiler.ProfileNode {
  const { callFrame, positionTicks } = node;
  const place = file?.place(callFrame.lineNumber, callFrame.columnNumber) ?? null;
  if (file === null || place === null) return node;
  return {
    ...node,
    callFrame: { ...callFrame, url: place.url, lineNumber: place.line, columnNumber: place.column },
    ...(positionTicks === undefined ? {} : { positionTicks: mapTicks(positionTicks, file) }),
  };
}

/** Their lines count from 1; several of the bundle may be one of the source. */
function mapTicks(
  ticks: readonly Profiler.PositionTickInfo[],
  file: MappedFile,
): Profiler.PositionTickInfo[] {
  const byLine = new Map<number, number>();
  for (const { line, ticks: count } of ticks) {
    const mapped = (file.line(line - 1) ?? line - 1) + 1;
    byLine.set(mapped, (byLine.get(mapped) ?? 0) + count);
  }
  return [...byLine].map(([line, count]) => ({ line, ticks: count }));
}

function readMapped(url: string): MappedFile | null {
  if (!url.startsWith("file:")) return null;
  try {
    const bare = url.replace(/\?.*$/, "");
    const payload = JSON.parse(readFileSync(`${fileURLToPath(bare)}.map`, "utf8")) as { sourceRoot?: string };
    const map = new SourceMap(payload as never);
    const base = payload.sourceRoot ? payload.sourceRoot : bare;
    const lines = readFileSync(fileURLToPath(bare), "utf8").split("\n");
    const place: MappedFile["place"] = (line, column) => {
      const entry = map.findEntry(line, column);
      if (!("originalSource" in entry) || entry.generatedLine !== line) return null;
      const { originalSource, originalLine, originalColumn } = entry;
      return { url: new URL(originalSource, base).href, line: originalLine, column: originalColumn };
    };
    return { place, line: (line) => place(line, /\S/.exec(lines[line] ?? "")?.index ?? 0)?.line ?? null };
  } catch {
    // A file without a map is as its author wrote it.
    return null;
  }
}
