import type { Example } from "../protocol/config.ts";
import { isVector } from "../protocol/compare-vectors.ts";
import { isApproxMark, markFault } from "../protocol/tolerance.ts";
import type { Conflict } from "./config-conflicts.ts";
import type { KeyPath } from "./key-path.ts";

/** Keys of an example that do not go together, and marks in its output that could not be kept. */
export function exampleConflicts(examples: readonly Example[]): Conflict[] {
  return examples.flatMap((example, index) => {
    const path = ["examples", index];
    return [...inputConflicts(example, path), ...outputConflicts(example, path)];
  });
}

function inputConflicts(example: Example, path: KeyPath): Conflict[] {
  const hasInput = "input" in example;
  if (hasInput && example.input_file !== undefined) {
    const reason = "is given beside input; an example has one of the two";
    return [{ path: [...path, "input_file"], reason, hint: "Keep one of the two." }];
  }
  if (hasInput || example.input_file !== undefined) return [];
  const hint = 'Add "input:" there, or "input_file:" with a file of the data folder.';
  return [{ path: [...path, "input"], reason: "is missing", hint }];
}

function outputConflicts(example: Example, path: KeyPath): Conflict[] {
  if (!("output" in example)) return [];
  const { output, cosine } = example;
  if (cosine !== undefined && !holdsVector(output)) {
    const reason = "needs a list of two or more numbers in output; there is none";
    return [{ path: [...path, "cosine"], reason }];
  }
  return markConflicts(output, [...path, "output"]);
}

/** Valid, and waiting for an output. */
export function exampleWarnings(examples: readonly Example[]): Conflict[] {
  return examples.flatMap((example, index) =>
    (["approx", "cosine"] as const)
      .filter((key) => example[key] !== undefined && !("output" in example))
      .map((key) => ({
        path: ["examples", index, key],
        reason: "has no output beside it that an answer could be compared with",
        hint: "Give one, or let purlin test --update write it.",
      })),
  );
}

function markConflicts(value: unknown, path: KeyPath): Conflict[] {
  if (typeof value !== "object" || value === null) return [];
  if (isApproxMark(value)) {
    const fault = markFault(value);
    if (fault !== null) return [{ path: [...path, fault[0]], reason: fault[1] }];
    if (value["cosine"] !== undefined && !holdsVector(value["approx"])) {
      const reason = "needs a list of two or more numbers in approx; there is none";
      return [{ path: [...path, "cosine"], reason }];
    }
  }
  const entries: [string | number, unknown][] = Array.isArray(value)
    ? [...value.entries()]
    : Object.entries(value);
  return entries.flatMap(([key, item]) => markConflicts(item, [...path, key]));
}

function holdsVector(value: unknown): boolean {
  if (isVector(value)) return value.length > 1;
  return typeof value === "object" && value !== null && Object.values(value).some(holdsVector);
}
