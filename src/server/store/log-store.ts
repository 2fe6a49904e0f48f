import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readSync, rmSync, statSync } from "node:fs";
import { appendFile, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import type { LogLine } from "../../protocol/host-api.ts";
import type { LogEntry, LogQuery, LogStore } from "./store.ts";

/** A deployment keeps this much of its newest lines. */
export const KEPT_LOG_BYTES = 8 * 1024 * 1024;
/** What waits for the disk; above it lines are dropped, and how many is told. */
const HELD_BYTES = 1024 * 1024;
const FLUSH_MS = 100;
const LINE_CHARS = 64 * 1024;
const LEVELS = ["debug", "info", "warn", "error"];

interface Journal {
  file: string;
  bytes: number;
  held: string[];
  heldBytes: number;
  dropped: number;
  writing: Promise<void>;
  timer: NodeJS.Timeout | null;
}

type StoredLine = LogLine & { model: string };

export interface OwnLogStore extends LogStore {
  keepOnly(deployments: ReadonlySet<string>): void;
  close(): Promise<void>;
}

/** logs/<model>/<deployment>.ndjson, and <deployment>.1.ndjson before it. */
export function createLogStore(dir: string, now: () => Date, keptBytes = KEPT_LOG_BYTES): OwnLogStore {
  // One file that grows, and one that is full.
  const fileBytes = Math.ceil(keptBytes / 2);
  const journals = new Map<string, Journal>();
  const followers = new Set<{ query: LogQuery; onLine(line: LogLine): void }>();
  let last = 0;

  /** Microseconds since 1970, never the same twice and never less: as text they sort as they were said. */
  function nextCursor(): string {
    last = Math.max(last + 1, now().getTime() * 1000);
    return String(last).padStart(17, "0");
  }

  function journalOf(model: string, deployment: string): Journal {
    const key = `${model}/${deployment}`;
    let journal = journals.get(key);
    if (journal === undefined) {
      mkdirSync(join(dir, model), { recursive: true, mode: 0o700 });
      const file = join(dir, model, `${deployment}.ndjson`);
      const end = readEnd(file);
      // The clock may have been set back since.
      last = Math.max(last, end.cursor);
      // A host that was killed while it wrote has left half a line: the next one starts a new line.
      const held = end.isWhole ? [] : ["\n"];
      journal = {
        file,
        bytes: end.bytes,
        held,
        heldBytes: held.length,
        dropped: 0,
        writing: Promise.resolve(),
        timer: null,
      };
      journals.set(key, journal);
    }
    return journal;
  }

  function keep(journal: Journal, line: StoredLine): void {
    const text = `${JSON.stringify(line)}\n`;
    journal.held.push(text);
    journal.heldBytes += text.length;
    journal.timer ??= setTimeout(() => void flush(journal), FLUSH_MS);
  }

  function flush(journal: Journal): Promise<void> {
    if (journal.timer !== null) clearTimeout(journal.timer);
    journal.timer = null;
    const lines = journal.held.length;
    const text = journal.held.join("");
    journal.held = [];
    journal.heldBytes = 0;
    if (text === "") return journal.writing;
    journal.writing = journal.writing.then(async () => {
      try {
        if (journal.bytes + text.length > fileBytes && journal.bytes > 0) {
          await rename(journal.file, journal.file.replace(/\.ndjson$/, ".1.ndjson"));
          journal.bytes = 0;
        }
        await appendFile(journal.file, text, { mode: 0o600 });
        journal.bytes += Buffer.byteLength(text);
      } catch {
        // A full disk costs lines of the log, and never a request.
        journal.dropped += lines;
      }
    });
    return journal.writing;
  }

  async function read(query: LogQuery): Promise<LogLine[]> {
    const found: LogLine[] = [];
    for (const deployment of deploymentsOf(query)) {
      const journal = journalOf(query.model, deployment);
      // In line with the writes: a file that becomes full between two reads would be read twice or not at all.
      const reading = flush(journal).then(() =>
        Promise.all(filesOf(journal).map((file) => readFile(file, "utf8").catch(() => ""))),
      );
      journal.writing = reading.then(() => undefined);
      found.push(...pick(await reading, query));
    }
    found.sort((a, b) => (a.cursor < b.cursor ? -1 : 1));
    return query.limit === undefined ? found : found.slice(-query.limit);
  }

  function deploymentsOf({ model, deployments }: LogQuery): readonly string[] {
    if (deployments !== undefined) return deployments;
    const files = existsSync(join(dir, model)) ? readdirSync(join(dir, model)) : [];
    const open = [...journals.keys()].filter((key) => key.startsWith(`${model}/`));
    return [
      ...new Set([
        ...files.map((name) => name.replace(/(\.1)?\.ndjson$/, "")),
        ...open.map((key) => key.slice(model.length + 1)),
      ]),
    ];
  }

  return {
    append(given) {
      const journal = journalOf(given.model, given.deployment);
      const noticeCursor = nextCursor();
      const line = { ...shortened(given), cursor: nextCursor() } as StoredLine;
      for (const { query, onLine } of followers) {
        if (query.model === given.model && isOf(query, given.deployment) && fits(line, query)) onLine(line);
      }
      if (journal.heldBytes > HELD_BYTES) {
        journal.dropped += 1;
        return;
      }
      if (journal.dropped > 0) {
        const message = `${journal.dropped} lines were dropped: the model says more than the disk takes`;
        journal.dropped = 0;
        keep(journal, { ...line, cursor: noticeCursor, level: "warn", message });
      }
      keep(journal, line);
    },
    read,
    follow(query, onLine) {
      // Lines that come while the earlier ones are read wait for their turn.
      let held: LogLine[] | null = [];
      let at = query.cursor ?? "";
      const tell = (line: LogLine): void => {
        if (line.cursor <= at) return;
        at = line.cursor;
        onLine(line);
      };
      const follower = {
        query,
        onLine: (line: LogLine) => (held === null ? tell(line) : void held.push(line)),
      };
      followers.add(follower);
      const earlier = query.cursor === undefined ? Promise.resolve([]) : read(query);
      void earlier.then((lines) => {
        for (const line of [...lines, ...(held ?? [])]) if (followers.has(follower)) tell(line);
        held = null;
      });
      return () => void followers.delete(follower);
    },
    keepOnly(deployments) {
      for (const model of readdirSync(dir)) {
        for (const name of readdirSync(join(dir, model))) {
          const deployment = name.replace(/(\.1)?\.ndjson$/, "");
          if (deployments.has(deployment)) continue;
          const journal = journals.get(`${model}/${deployment}`);
          // Its last lines are on their way: the next time, then.
          if (journal?.timer) continue;
          journals.delete(`${model}/${deployment}`);
          rmSync(join(dir, model, name), { force: true });
        }
      }
    },
    async close() {
      await Promise.all([...journals.values()].map(flush));
    },
  };
}

/** From the newest to the oldest. */
const filesOf = ({ file }: Journal): string[] => [file, file.replace(/\.ndjson$/, ".1.ndjson")];

/** Of the texts of one deployment, newest first, the lines that fit; reading stops where no older one can. */
function pick(texts: readonly string[], query: LogQuery): LogLine[] {
  const found: LogLine[] = [];
  for (const text of texts) {
    for (const row of text.split("\n").toReversed()) {
      if (query.limit !== undefined && found.length >= query.limit) return found;
      const line = parse(row);
      if (line === null) continue;
      if (query.cursor !== undefined && line.cursor <= query.cursor) return found;
      if (fits(line, query)) found.push(line);
    }
  }
  return found;
}

/** The last line tells how far the count has come. */
function readEnd(file: string): { bytes: number; cursor: number; isWhole: boolean } {
  const bytes = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (bytes === 0) return { bytes, cursor: 0, isWhole: true };
  const end = Buffer.alloc(Math.min(bytes, 2 * LINE_CHARS));
  const handle = openSync(file, "r");
  try {
    readSync(handle, end, 0, end.length, bytes - end.length);
  } finally {
    closeSync(handle);
  }
  const rows = end.toString().split("\n");
  const cursors = rows.map((row) => Number(parse(row)?.cursor ?? 0));
  return { bytes, cursor: Math.max(...cursors), isWhole: rows.at(-1) === "" };
}

/** A line is for people to read; what is longer goes to a file of the model's own. */
function shortened(entry: LogEntry): LogEntry {
  const { message } = entry;
  if (message.length <= LINE_CHARS) return entry;
  return { ...entry, message: `${message.slice(0, LINE_CHARS)} ... (${message.length} characters)` };
}

const isOf = ({ deployments }: LogQuery, deployment: string): boolean =>
  deployments === undefined || deployments.includes(deployment);

function parse(row: string): StoredLine | null {
  if (row === "") return null;
  try {
    return JSON.parse(row) as StoredLine;
  } catch {
    // The last line of a host that was killed while it wrote.
    return null;
  }
}

function fits(line: LogLine, query: LogQuery): boolean {
  const { cursor, since, level, requestId, contains } = query;
  if (cursor !== undefined && line.cursor <= cursor) return false;
  if (since !== undefined && line.at < since) return false;
  if (level !== undefined && LEVELS.indexOf(line.level) < LEVELS.indexOf(level)) return false;
  if (requestId !== undefined && line.request_id !== requestId) return false;
  return contains === undefined || JSON.stringify(line).includes(contains);
}
