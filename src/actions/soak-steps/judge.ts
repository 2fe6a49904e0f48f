import type { Checkpoint, Held } from "./checkpoint.ts";
import type { Finding } from "./finding.ts";
import { type Trend, trendOf } from "./trend.ts";

/** Share of the checkpoints at the beginning that are not judged: code is compiled, caches and pools fill. */
const WARM_UP = 1 / 3;
/** With less than this nothing can be told from chance. */
export const LEAST_CHECKPOINTS = 6;
export const LEAST_REQUESTS = 50;
const MIB = 1024 ** 2;
/** After garbage has been collected, what is retained is exact to a few hundred kilobytes. */
const LEAST_RETAINED = MIB / 2;
/** Resident memory also moves by how the allocator keeps what was freed. */
const LEAST_RESIDENT = 16 * MIB;
/** A leak goes up all the time; what goes up and down finds its level. */
const STEADILY = 0.85;
/** A leak goes on as it began; what is still being warmed up grows ever more slowly. */
const GOES_ON = 0.5;
/** Counts stand still between two steps up. */
const STEPWISE = 0.5;

export interface Limits {
  /** Share of the memory at the first judged checkpoint, 0.1 for a tenth. */
  maxGrowth: number;
  maxBytesPerRequest: number;
}

export type Part = "front" | "model";

/** The trends of one part; null where the system does not tell. */
export type Trends = { [Key in keyof Held]: Trend | null };

export interface Judgement {
  findings: Finding[];
  trends: Record<Part, Trends>;
}

/** What grows with the requests, after a warm-up, and by more than it may. */
export function judge(checkpoints: readonly Checkpoint[], limits: Limits): Judgement {
  const judged = checkpoints.slice(Math.floor(checkpoints.length * WARM_UP));
  const trends = { front: trendsOf(judged, "front"), model: trendsOf(judged, "model") };
  const requests = (judged.at(-1)?.requests ?? 0) - (judged[0]?.requests ?? 0);
  const isShort = judged.length < LEAST_CHECKPOINTS || requests < LEAST_REQUESTS;
  const found = (["front", "model"] as const).flatMap((part) => grown(part, trends[part], limits));
  const findings = isShort ? [tooShort(judged.length, requests)] : found;
  return { findings, trends };
}

function trendsOf(checkpoints: readonly Checkpoint[], part: Part): Trends {
  const trend = (key: keyof Held): Trend | null => {
    const points = checkpoints.flatMap((each) => {
      const y = each[part][key];
      return y === null ? [] : [{ x: each.requests, y }];
    });
    return points.length === 0 ? null : trendOf(points);
  };
  return {
    retained: trend("retained"),
    resident: trend("resident"),
    files: trend("files"),
    handles: trend("handles"),
    children: trend("children"),
  };
}

function grown(part: Part, trends: Trends, limits: Limits): Finding[] {
  const findings: Finding[] = [];
  const name = part === "front" ? "The server" : "The model";
  const { retained, resident, files, handles, children } = trends;
  if (retained !== null && retained.growth >= LEAST_RETAINED && isSteady(retained)) {
    const share = retained.growth / Math.max(1, retained.first);
    if (share > limits.maxGrowth || retained.slope > limits.maxBytesPerRequest) {
      findings.push(memoryFinding(`${name} keeps`, "more with the requests, garbage collected", retained));
    }
  }
  if (findings.length === 0 && resident !== null && isSteady(resident)) {
    const most = Math.max(LEAST_RESIDENT, limits.maxGrowth * resident.first);
    if (resident.growth > most) {
      const what = "more resident memory with the requests, outside JavaScript";
      findings.push(memoryFinding(`${name} takes`, what, resident));
    }
  }
  const counted: [Finding["code"], string, Trend | null, number][] = [
    ["files", "open files and sockets", files, 5],
    ["handles", "timers, sockets and other handles", handles, 20],
    ["processes", "processes that it has started", children, 2],
  ];
  for (const [code, what, trend, least] of counted) {
    if (trend === null || trend.growth < least || trend.rising < STEPWISE) continue;
    // A file that is open in a handle is told once.
    if (code === "handles" && findings.some((finding) => finding.code === "files")) continue;
    const message = `${name} has more and more ${what}: ${trend.first}, then ${trend.last}.`;
    findings.push({ code, message, hint: HINTS[code] ?? "" });
  }
  return findings;
}

function isSteady({ rising, slope, late_slope }: Trend): boolean {
  return rising >= STEADILY && late_slope >= slope * GOES_ON;
}

const HINTS: Partial<Record<Finding["code"], string>> = {
  files: "Close what a request has opened, in a `finally` too.",
  handles: "Clear timers and close sockets that a request has made.",
  processes: "End what a request has started, also when its client has left: request.signal tells.",
};

function memoryFinding(who: string, what: string, { first, last, slope }: Trend): Finding {
  const growth = `${mib(first)} MiB, then ${mib(last)} MiB: ${Math.round(slope)} bytes a request`;
  return {
    code: "memory",
    message: `${who} ${what}: ${growth}.`,
    hint: "Look for what grows outside a request: arrays, maps, caches without a limit, listeners.",
  };
}

function tooShort(checkpoints: number, requests: number): Finding {
  return {
    code: "too-short",
    message: `Too short to judge: ${requests} requests over ${checkpoints} checkpoints after the warm-up; ${LEAST_REQUESTS} over ${LEAST_CHECKPOINTS} are needed.`,
    hint: "Let it run for longer: --minutes",
  };
}

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(1);
}
