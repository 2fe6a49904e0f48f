import type { OutputUpdate } from "../../actions/test-steps/output-updater.ts";
import type { Style } from "./style.ts";

const MOST_CHANGES = 12;

/** What became of the outputs in config.yaml, the changes of each below its name. */
export function describeUpdates(updates: readonly OutputUpdate[], style: Style): string {
  const told = updates.filter(({ outcome }) => outcome !== "unchanged");
  const lines = told.flatMap(({ name, outcome, reason, changes }) => [
    `${outcome === "written" ? style.good(outcome) : style.bad("not written")}  ${name}`,
    ...(reason === null ? [] : [`  ${reason}`]),
    ...changes.slice(0, MOST_CHANGES).map(({ path, before, after }) => {
      const what = path === "" ? "output" : path;
      if (before === null) return `  ${what}: ${style.good(`+ ${after}`)}`;
      return `  ${what}: ${style.bad(before)} → ${after === null ? style.dim("gone") : style.good(after)}`;
    }),
    ...(changes.length > MOST_CHANGES ? [`  and ${changes.length - MOST_CHANGES} more changes`] : []),
  ]);
  const count = (wanted: OutputUpdate["outcome"]): number =>
    updates.filter(({ outcome }) => outcome === wanted).length;
  const written = count("written");
  const sum =
    written === 0
      ? "config.yaml is as it was"
      : `config.yaml: ${written} ${written === 1 ? "output" : "outputs"} written, ${count("unchanged")} unchanged`;
  return [...lines, sum].join("\n");
}
