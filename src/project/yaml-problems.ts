import type { Document, YAMLError } from "yaml";
import type { Problem } from "../errors.ts";
import type { SourceText } from "./source-text.ts";

type Code = YAMLError["code"];

/** In place of the library's words where these are technical or repeat the text, which may be a secret. */
const WORDS: Partial<Record<Code, { message: string; hint?: string }>> = {
  BAD_ALIAS: { message: "an anchor or alias has no valid name", hint: 'Put the text in quotes: "*.txt"' },
  BAD_DIRECTIVE: { message: "a `%` line is not understood" },
  BAD_DQ_ESCAPE: {
    message: "the text in double quotes has an unknown escape",
    hint: "Use single quotes, or write \\\\ for a backslash.",
  },
  BAD_INDENT: { message: "the indentation does not fit the lines around it" },
  BAD_SCALAR_START: {
    message: "a text cannot begin with this character",
    hint: "Put the text in quotes.",
  },
  BLOCK_AS_IMPLICIT_KEY: {
    message: "a second `:` follows in one line",
    hint: "Put a text that holds `: ` in quotes.",
  },
  IMPOSSIBLE: { message: "this is not YAML" },
  MISSING_CHAR: { message: "something is missing here" },
  MULTIPLE_DOCS: { message: "a second document begins; config.yaml is one", hint: "Remove the line `---`." },
  NON_STRING_KEY: { message: "a key must be a plain name" },
  RESOURCE_EXHAUSTION: { message: "the text nests too deep" },
  TAB_AS_INDENT: { message: "a tab cannot indent", hint: "Use spaces." },
  TAG_RESOLVE_FAILED: { message: "tags (`!...`) are not understood here", hint: "Put the text in quotes." },
  UNEXPECTED_TOKEN: { message: "this is not YAML: unexpected text" },
};

/** What keeps a text from being one document of YAML 1.2. */
export function syntaxProblems(yaml: Document.Parsed, source: SourceText): Problem[] {
  const seen = new Set<number>();
  const problems = [...yaml.errors, ...yaml.warnings]
    .sort((left, right) => left.pos[0] - right.pos[0])
    // The parser often trips twice over one character.
    .filter(({ pos }) => !seen.has(pos[0]) && seen.add(pos[0]))
    .map((error) => problemOf(error, source));
  const { version, explicit } = yaml.directives.yaml;
  if (explicit && version !== "1.2") {
    problems.push({ message: `config.yaml is YAML 1.2, not ${version}`, location: source.location([0, 5]) });
  }
  return problems;
}

function problemOf({ code, message, pos }: YAMLError, source: SourceText): Problem {
  const words = WORDS[code];
  const location = source.location([Math.min(pos[0], source.text.length), pos[1]]);
  const said = words && !(code === "MISSING_CHAR" && isSafe(message)) ? words.message : lowerFirst(message);
  return { message: said, location, ...(words?.hint ? { hint: words.hint } : {}) };
}

/** The library's sentences about a missing character name no text of the file. */
function isSafe(message: string): boolean {
  return /^[A-Z][\w ,:'"\-/]*$/.test(message) && message.length < 90;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
