// docs/reference/clients.md: made of what a run has given.
import { versionOf } from "./pins.ts";
import type { RowFile, TargetKind } from "./row-file.ts";
import type { RowResult } from "./run-row-file.ts";

export interface RanFile {
  file: RowFile;
  /** Rows by target. */
  results: { target: TargetKind; rows: RowResult[] }[];
}

const HEAD = `# Clients

What real clients get from a model that is run by \`purlin serve\`, by a host, and by a host over TLS. The versions
are those of \`test/clients/pins.json\`. This page is made by a run of \`npm run test:clients\`, which calls each of
these and fails where an answer, or this page, differs: every row has been seen to hold.
`;

/** The page with the sections of these files made anew; those of files that did not run stay as they are. */
export function renderPage(page: string, ran: readonly RanFile[], all: readonly RowFile[]): string {
  const kept = sectionsOf(page);
  const made = new Map(ran.map((each) => [each.file.client, renderSection(each)]));
  // Several files may hold rows of one client: they share a section.
  for (const client of new Set(ran.map((each) => each.file.client))) {
    const same = ran.filter((each) => each.file.client === client);
    if (same.length > 1) made.set(client, renderSection(joined(same)));
  }
  const clients = [...new Set(all.map((each) => each.client))].sort((a, b) => a.localeCompare(b, "en"));
  const sections = clients.flatMap((client) => made.get(client) ?? kept.get(client) ?? []);
  return `${HEAD}\n${sections.join("\n")}`;
}

function joined(files: readonly RanFile[]): RanFile {
  const [first] = files as [RanFile, ...RanFile[]];
  const pins = [...new Set(files.flatMap((each) => each.file.pins))];
  return { file: { ...first.file, pins }, results: files.flatMap((each) => each.results) };
}

function renderSection({ file, results }: RanFile): string {
  const kinds = [...new Set(results.map((each) => each.target))];
  const rows = new Map<string, { row: RowResult; seen: Map<TargetKind, RowResult> }>();
  for (const { target, rows: given } of results) {
    for (const row of given) {
      const key = `${row.call}\n${row.must}`;
      const entry = rows.get(key) ?? { row, seen: new Map<TargetKind, RowResult>() };
      entry.seen.set(target, row);
      rows.set(key, entry);
    }
  }
  const table = [
    ["call", "what it must get", ...kinds.map(titleOf)],
    ["---", "---", ...kinds.map(() => "---")],
    ...[...rows.values()].map(({ row, seen }) => [
      cell(row.call),
      cell(row.must),
      ...kinds.map((kind) => markOf(seen.get(kind))),
    ]),
  ];
  const versions = file.pins.map((pin) => `\`${nameOf(pin)}\` ${versionOf(pin)}`);
  const lines = table.map((cells) => `| ${cells.join(" | ")} |`);
  return `## ${file.client}\n\n${versions.length > 0 ? `${versions.join(", ")}\n\n` : ""}${lines.join("\n")}\n`;
}

function titleOf(kind: TargetKind): string {
  return { serve: "serve", host: "host", tls: "host, TLS", own: "holds" }[kind];
}

function markOf(row: RowResult | undefined): string {
  if (!row) return "";
  return row.ok || row.skipped !== undefined ? "yes" : "no";
}

/** `python/sdk/openai` → `openai` */
function nameOf(pin: string): string {
  const [kind, ...rest] = pin.split("/");
  const parts = kind === "python" ? rest.slice(1) : rest;
  return parts.join("/");
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}

function sectionsOf(page: string): Map<string, string> {
  const parts = page.split(/^(?=## )/m).filter((part) => part.startsWith("## "));
  return new Map(
    parts.map((part) => [part.slice(3, part.indexOf("\n")).trim(), `${part.trimEnd()}\n`] as const),
  );
}
