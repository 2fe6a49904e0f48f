import { isDeepStrictEqual } from "node:util";
import { isMap, isSeq, type Node, type YAMLMap } from "yaml";
import { AppError } from "../errors.ts";
import { parseConfigDocument, parseYaml } from "./config-document.ts";
import { valueAt } from "./key-path.ts";
import { OutputEdits } from "./output-edits.ts";
import { CONFIG_FILE } from "./load-config.ts";

export interface OutputEdit {
  /** Which of the examples. */
  index: number;
  /** As it is to stand there; plain JSON. */
  output: unknown;
}

/**
 * The text of a valid config.yaml with another output of one example; everything else in it, comments and
 * spaces included, stays as it is. Throws AppError INPUT_INVALID where that cannot be done, and says why.
 */
export function editOutput(text: string, { index, output }: OutputEdit): string {
  const example = findExample(text, index);
  const before = parseConfigDocument(text, CONFIG_FILE).data;
  const edits = new OutputEdits(text);
  edits.set(example, {
    key: "output",
    neighbour: valueAt(before, ["examples", index, "input"]) === undefined ? "input_file" : "input",
    before: valueAt(before, ["examples", index, "output"]),
    after: output,
  });
  const newLine = text.includes("\r\n") ? "\r\n" : "\n";
  let edited = text;
  // From the end, so that the places before stay right; of those at one place, the first comes to stand first.
  for (const { start, end, text: piece } of edits.edits.toReversed().sort((a, b) => b.start - a.start))
    edited = edited.slice(0, start) + piece.replaceAll("\n", newLine) + edited.slice(end);
  // An alias may stand for a part of it elsewhere, and YAML has more spellings than anybody thinks of.
  const after = parseConfigDocument(edited, CONFIG_FILE);
  if (after.problems.length === 0 && isDeepStrictEqual(after.data, withOutput(before, index, output)))
    return edited;
  throw refusal(
    "its output could not be written without changing more than that; an alias may use a part of it",
  );
}

function findExample(text: string, index: number): YAMLMap<Node, Node | null> {
  const root = parseYaml(text, { keepTokens: true })?.contents;
  const list: unknown = isMap(root) ? root.get("examples", true) : undefined;
  const example: unknown = isSeq(list) ? list.items[index] : undefined;
  if (isMap<Node, Node | null>(example)) return example;
  throw refusal("it stands in config.yaml as an alias of something else");
}

function withOutput(data: unknown, index: number, output: unknown): unknown {
  const copy = structuredClone(data) as { examples: Record<string, unknown>[] };
  const example = copy.examples[index];
  // Values that share an anchor are one object in neither.
  if (example) copy.examples[index] = { ...example, output };
  return copy;
}

function refusal(reason: string): AppError {
  return new AppError("INPUT_INVALID", reason, { hint: "Write it out there by hand." });
}
