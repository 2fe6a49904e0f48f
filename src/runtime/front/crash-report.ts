import { isRecord, recordJson } from "./model-record.ts";
import type { ModelProcess } from "./model-process.ts";

const MAX_LINE = 500;
const MAX_REQUESTS = 100;

/** What is known of a process that ended unasked, as fields of one log record. */
export function crashReport(
  process: ModelProcess,
  reason: string,
  lostRequests: string[],
): Record<string, unknown> {
  const { worker, pid, exit, rss, started, info, lastLines } = process;
  return {
    code: "MODEL_CRASHED",
    reason,
    worker,
    pid,
    exit_code: exit?.code ?? null,
    signal: exit?.signal ?? null,
    loaded: info !== null,
    uptime_seconds: Number(((performance.now() - started) / 1000).toFixed(3)),
    // As it told last, at most a second before its end; 0 where it told nothing.
    rss_bytes: rss,
    lost_requests: lostRequests.slice(0, MAX_REQUESTS),
    lost_request_count: lostRequests.length,
    last_lines: lastLines.map(lineText),
  };
}

/** Of a record, its message; its other fields stand in the log above. */
function lineText(line: string): string {
  const text = isRecord(line) ? messageOf(recordJson(line)) : line;
  return text.length > MAX_LINE ? `${text.slice(0, MAX_LINE)}…` : text;
}

function messageOf(json: string): string {
  try {
    return String((JSON.parse(json) as { message?: unknown }).message);
  } catch {
    return json;
  }
}
