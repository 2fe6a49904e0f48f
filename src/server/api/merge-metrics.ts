/** A page in the text format of Prometheus, and the labels that its samples get in addition. */
export interface MetricsPart {
  labels: Record<string, string>;
  text: string;
}

interface Family {
  head: Map<string, string>;
  samples: string[];
}

const COMMENT = /^# (HELP|TYPE) ([A-Za-z_:][\w:]*)/;
const SAMPLE =
  /^([A-Za-z_:][\w:]*)(?:\{(.*)\})?\s+([-+]?(?:\d[\d.eE+-]*|\.\d[\deE+-]*|Inf|NaN)(?:\s+-?\d+)?)\s*$/;
const LABEL = /([A-Za-z_]\w*)\s*(=\s*"(?:[^"\\]|\\.)*")/g;

/** One page of several: each family is there once, as the format demands, whoever has something to say of it. */
export function mergeMetrics(parts: readonly MetricsPart[]): string {
  const families = new Map<string, Family>();
  const familyOf = (name: string): Family => {
    let family = families.get(name);
    if (family === undefined) families.set(name, (family = { head: new Map(), samples: [] }));
    return family;
  };
  for (const { labels, text } of parts) {
    let current = "";
    for (const line of text.split("\n")) {
      const comment = COMMENT.exec(line);
      if (comment !== null) {
        const [, kind = "", name = ""] = comment;
        const { head } = familyOf((current = name));
        // What the first one says of a family holds.
        if (!head.has(kind)) head.set(kind, line);
        continue;
      }
      const sample = SAMPLE.exec(line);
      if (sample === null) continue;
      const [, name = "", own = "", value = ""] = sample;
      const family = familyOf(isOf(current, name) ? current : name);
      family.samples.push(`${name}${labelled(own, labels)} ${value}`);
    }
  }
  const lines = [...families.values()].flatMap(({ head, samples }) => [...head.values(), ...samples]);
  return lines.map((line) => `${line}\n`).join("");
}

const isOf = (family: string, name: string): boolean =>
  name === family ||
  (name.startsWith(`${family}_`) && /^_(bucket|sum|count)$/.test(name.slice(family.length)));

/** A label of the model's own that is called like one of ours is kept under another name, as Prometheus does it. */
function labelled(own: string, labels: Record<string, string>): string {
  const kept = own.replaceAll(LABEL, (found, name: string, rest: string) =>
    Object.hasOwn(labels, name) ? `exported_${name}${rest}` : found,
  );
  const ours = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
  const all = [...ours, ...(kept === "" ? [] : [kept])];
  return all.length === 0 ? "" : `{${all.join(",")}}`;
}
