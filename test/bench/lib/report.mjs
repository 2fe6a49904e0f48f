/** One figure a line: what was measured, the yardstick of the same run, the ratio with its spread, the target. */

/**
 * figure: text; ours, bare: numbers or null; unit: of both; ratio: {median, min, max} or null;
 * target: {on: "ratio" | "ours", op: "<=" | ">=", value} or null. Returns the row with its verdict.
 */
export function row({
  figure,
  unit,
  ours,
  bare = null,
  ratio = null,
  target = null,
  spread = null,
  note = "",
}) {
  const judged = target === null ? null : target.on === "ratio" ? ratio.median : ours;
  const range = target === null ? null : target.on === "ratio" ? ratio : spread;
  const holds = (value) => (target.op === "<=" ? value <= target.value : value >= target.value);
  let verdict = "";
  if (target !== null) {
    verdict = holds(judged) ? "reached" : "MISSED";
    // The other side of the target lies within the spread: a run on a quieter machine may say otherwise.
    if (range !== null && holds(range.min) !== holds(range.max)) verdict += " ~";
  }
  return { figure, unit, ours, bare, ratio, spread, target, verdict, note };
}

export const atMost = (value, on = "ratio") => ({ on, op: "<=", value });
export const atLeast = (value, on = "ratio") => ({ on, op: ">=", value });

const HEAD = ["figure", "ours", "yardstick", "ratio (min-max)", "target", "verdict", "note"];

export function printSection(title, rows) {
  const cells = rows.map((line) => [
    line.figure,
    quantity(line.ours, line.unit) +
      (line.spread === null ? "" : ` (${short(line.spread.min)}-${short(line.spread.max)})`),
    quantity(line.bare, line.unit),
    line.ratio === null
      ? ""
      : `${line.ratio.median.toFixed(2)} x (${line.ratio.min.toFixed(2)}-${line.ratio.max.toFixed(2)})`,
    targetText(line),
    line.verdict,
    line.note,
  ]);
  const widths = HEAD.map((head, column) =>
    Math.max(head.length, ...cells.map((line) => line[column].length)),
  );
  const print = (line) =>
    console.log(
      line
        .map((text, column) => text.padEnd(widths[column]))
        .join("  ")
        .trimEnd(),
    );
  console.log(`\n${title}`);
  print(HEAD);
  print(widths.map((width) => "-".repeat(width)));
  cells.forEach(print);
}

function targetText({ target, unit }) {
  if (target === null) return "";
  const sign = target.op === "<=" ? "≤" : "≥";
  return target.on === "ratio" ? `${sign} ${target.value} x` : `${sign} ${quantity(target.value, unit)}`;
}

function quantity(value, unit) {
  return value === null ? "" : `${short(value)} ${unit}`.trim();
}

function short(value) {
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en-US");
  return Math.abs(value) >= 100
    ? value.toFixed(0)
    : Math.abs(value) >= 10
      ? value.toFixed(1)
      : value.toFixed(2);
}
