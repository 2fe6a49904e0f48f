import type { Example } from "../../protocol/config.ts";
import {
  answerValue,
  type ExampleAnswer,
  isBinary,
  isRefusal,
  judgeAnswer,
} from "../../protocol/judge-answer.ts";
import { markUnsteady, mergeOutput } from "../../protocol/merge-output.ts";
import { sha256Hex } from "./run-example.ts";

/** Characters of JSON; config.yaml is read by people. */
const MOST_OUTPUT = 64 * 1024;

/** Somewhat less than config.yaml may nest as a whole. */
const DEEPEST = 50;

export type Decision =
  | { kind: "unchanged" }
  | { kind: "write"; output: unknown; marked: boolean }
  /** Why nothing is written. */
  | { kind: "left"; reason: string };

/** What `output` of an example is to be, from two answers to it: one that is not the same twice cannot be expected. */
export function decideOutput(
  example: Example,
  [first, second]: readonly [ExampleAnswer, ExampleAnswer],
  secrets: readonly string[],
): Decision {
  const judge = (answer: ExampleAnswer, output: unknown): string | null =>
    judgeAnswer(answer, { ...example, output }, sha256Hex);
  if ("output" in example && judge(first, example.output) === null) {
    const other = judge(second, example.output);
    return other === null ? { kind: "unchanged" } : left(`its second answer was another one: ${other}`);
  }
  if (isRefusal(first, example)) return left("it was answered with an error");
  if (example.status !== undefined && first.status !== example.status)
    return left("its status is another one");
  if (first.status >= 400 && !("output" in example)) return { kind: "unchanged" };
  if (nestsDeeper(valueOf(first), DEEPEST)) return left(`its answer nests deeper than ${DEEPEST} levels`);
  const wanted = wantedOutput(example, first);
  const steady =
    judge(second, wanted) === null ? wanted : markUnsteady(wanted, valueOf(first), valueOf(second));
  const lost = judge(first, steady);
  if (lost !== null) return left(`its answer cannot be written as an output: ${lost}`);
  const other = judge(second, steady);
  if (other !== null) return left(`its answer is not the same twice: ${other}`);
  const text = JSON.stringify(steady);
  if (text.length > MOST_OUTPUT) {
    const size = `${Math.ceil(text.length / 1024)} KiB of JSON; at most ${MOST_OUTPUT / 1024} are written`;
    return left(`its answer is ${size} into config.yaml`);
  }
  if (secrets.some((secret) => secret.length > 3 && text.includes(JSON.stringify(secret).slice(1, -1)))) {
    return left("its answer holds the value of a secret, which must not stand in config.yaml");
  }
  return { kind: "write", output: steady, marked: steady !== wanted };
}

function wantedOutput(example: Example, answer: ExampleAnswer): unknown {
  const value = valueOf(answer);
  if (!("output" in example)) return value;
  if (!isBinary(answer))
    return mergeOutput(example.output, value, { approx: example.approx, cosine: example.cosine });
  // Whoever expects the size alone goes on doing so.
  const { output } = example;
  const keys = typeof output === "object" && output !== null ? Object.keys(output) : [];
  const kept = Object.entries(value as object).filter(([key]) => keys.includes(key));
  return kept.length > 0 && kept.length === keys.length ? Object.fromEntries(kept) : value;
}

function nestsDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((item) => nestsDeeper(item, levels - 1));
}

function valueOf(answer: ExampleAnswer): unknown {
  return answerValue(answer, sha256Hex);
}

function left(reason: string): Decision {
  return { kind: "left", reason };
}
