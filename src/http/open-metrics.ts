export const OPEN_METRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8";
export const PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Whether a scraper prefers OpenMetrics to the older text format, as Prometheus does. */
export function wantsOpenMetrics(accept: string | undefined): boolean {
  const open = qualityOf(accept, ["application/openmetrics-text"]);
  return open > 0 && open >= qualityOf(accept, ["text/plain", "text/*", "*/*"]);
}

/** Of the most exact name that is there. */
function qualityOf(accept = "", names: string[]): number {
  const ranges = accept
    .toLowerCase()
    .split(",")
    .map((range) => range.split(";").map((part) => part.trim()));
  for (const name of names) {
    const qualities = ranges
      .filter(([type]) => type === name)
      .map((range) => Number(range.find((part) => /^q\s*=/.test(part))?.replace(/^q\s*=\s*/, "") ?? 1));
    if (qualities.length > 0) return Math.max(...qualities.map((q) => (q >= 0 && q <= 1 ? q : 0)));
  }
  return 0;
}

interface Family {
  type: string;
  help: string | null;
  samples: Sample[];
}

interface Sample {
  name: string;
  labels: [name: string, value: string][];
  value: string;
  /** Seconds. */
  timestamp: string;
}

const COMMENT = /^# (HELP|TYPE) ([A-Za-z_:][\w:]*) ?(.*)$/;
const SAMPLE = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+(-?\d+))?\s*$/;
const LABEL = /([A-Za-z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"/g;
const SUFFIXES: Record<string, string[]> = {
  counter: ["_total", "_created"],
  histogram: ["_bucket", "_sum", "_count", "_created"],
  summary: ["_sum", "_count", "_created"],
};
const TYPES = new Set(["counter", "gauge", "histogram", "summary"]);
/** Labels whose values are numbers. */
const NUMBERS: Record<string, string> = { histogram: "le", summary: "quantile" };

/** A page in the text format of Prometheus as a page of OpenMetrics 1.0. */
export function toOpenMetrics(page: string): string {
  const families = readFamilies(page);
  const counters = new Set([...families].filter(([, { type }]) => type === "counter").map(([name]) => name));
  const taken = new Set([...families.keys()].filter((name) => !counters.has(name)));
  let out = "";
  for (const [name, family] of families) {
    if (family.type !== "counter") {
      out += write(name, family);
      continue;
    }
    const base = name.replace(/_total$/, "");
    // Two names that OpenMetrics cannot tell apart: the later one is a number of no known kind.
    const isFree = !taken.has(base) && base !== "";
    taken.add(base);
    out += isFree ? write(base, asCounter(base, family)) : write(name, { ...family, type: "unknown" });
  }
  return `${out}# EOF\n`;
}

function readFamilies(page: string): Map<string, Family> {
  const families = new Map<string, Family>();
  const familyOf = (name: string): Family => {
    let family = families.get(name);
    if (family === undefined) families.set(name, (family = { type: "unknown", help: null, samples: [] }));
    return family;
  };
  let current = "";
  for (const line of page.split("\n")) {
    const comment = COMMENT.exec(line);
    if (comment !== null) {
      const [, kind, name = "", text = ""] = comment;
      const family = familyOf((current = name));
      if (kind === "HELP") family.help ??= text;
      else family.type = TYPES.has(text.trim()) ? text.trim() : "unknown";
      continue;
    }
    const match = SAMPLE.exec(line);
    if (match === null || line.startsWith("#")) continue;
    const [, name = "", labels = "", value = "", ms] = match;
    const { type } = familyOf(current === "" ? name : current);
    const isOf = name === current || (SUFFIXES[type] ?? []).some((suffix) => name === current + suffix);
    familyOf(isOf ? current : name).samples.push({
      name,
      labels: [...labels.matchAll(LABEL)].map(([, label = "", text = ""]) => [label, text]),
      value,
      timestamp: ms === undefined ? "" : ` ${Number(ms) / 1000}`,
    });
  }
  return families;
}

/** Its samples end in `_total`, the name of the family does not. */
function asCounter(base: string, family: Family): Family {
  const samples = family.samples.map((sample) =>
    sample.name.endsWith("_created") ? sample : { ...sample, name: `${base}_total` },
  );
  return { ...family, samples };
}

function write(name: string, { type, help, samples }: Family): string {
  const lines = [`# TYPE ${name} ${type}`];
  // A quotation mark is escaped here, and was not there.
  if (help !== null) lines.push(`# HELP ${name} ${help.replaceAll('"', '\\"')}`);
  for (const sample of samples) {
    const pairs = sample.labels.map(
      ([label, text]) => `${label}="${label === NUMBERS[type] ? floatText(text) : text}"`,
    );
    const labels = pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
    lines.push(`${sample.name}${labels} ${sample.value}${sample.timestamp}`);
  }
  return `${lines.join("\n")}\n`;
}

/** Numbers in labels are written in one way only: 1.0, not 1. */
function floatText(text: string): string {
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}
