import { type Document, parseDocument } from "yaml";
import type { Problem } from "../errors.ts";
import type { KeyPath } from "./key-path.ts";
import { hideSecretBlocks } from "./hide-secrets.ts";
import { SourceText, type Span } from "./source-text.ts";
import { syntaxProblems } from "./yaml-problems.ts";
import { YamlReader } from "./yaml-reader.ts";

/** The text of config.yaml as plain data, with the place of every key. */
export interface ConfigDocument {
  source: SourceText;
  /** A map; empty where the text is. Undefined where the text cannot be understood. */
  data: Record<string, unknown> | undefined;
  /** Of the text as YAML: syntax, doubled keys, aliases, depth. */
  problems: Problem[];
  /** Where the key at a path stands; of the nearest key above it where there is none. */
  keySpan(path: KeyPath): Span;
  /** Where the value at a path stands; of the nearest one above it where there is none. */
  valueSpan(path: KeyPath): Span;
}

/** Reads YAML 1.2, strictly. Never throws: what is wrong is in `problems`. */
export function parseConfigDocument(text: string, file: string): ConfigDocument {
  const source = new SourceText(file, text);
  const yaml = parseYaml(text);
  const problems = yaml ? syntaxProblems(yaml, source) : [tooDeep(source)];
  if (!yaml || problems.length > 0) {
    hideSecretBlocks(source);
    const unplaced = { keySpan: (): Span => [0, 0], valueSpan: (): Span => [0, 0] };
    return { source, data: undefined, problems: yaml ? syntaxProblems(yaml, source) : problems, ...unplaced };
  }
  const reader = new YamlReader(source);
  const data = reader.readRoot(yaml.contents);
  return {
    source,
    data,
    problems: reader.problems,
    keySpan: (path) => reader.span(yaml.contents, path, "key"),
    valueSpan: (path) => reader.span(yaml.contents, path, "value"),
  };
}

/** Null where the text nests so deep that the parser has no room left. */
export function parseYaml(text: string, { keepTokens = false } = {}): Document.Parsed | null {
  try {
    return parseDocument(text, {
      version: "1.2",
      schema: "core",
      strict: true,
      // Doubled keys are reported here, with their key path; the library would name none.
      uniqueKeys: false,
      stringKeys: true,
      prettyErrors: false,
      keepSourceTokens: keepTokens,
      // Texts, numbers, truth, maps and lists: nothing that JSON has not.
      resolveKnownTags: false,
    });
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function tooDeep(source: SourceText): Problem {
  return { message: "the text nests too deep", location: source.location([0, 0]) };
}
