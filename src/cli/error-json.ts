import { CancelledError, isAppError, type Problem, type SourceLocation } from "../errors.ts";

interface PlaceJson {
  file?: string;
  line?: number;
  column?: number;
}

export interface ProblemJson extends PlaceJson {
  message: string;
  hint: string | null;
}

/** What --json prints for whatever was thrown. */
export interface ErrorJson {
  error: PlaceJson & {
    code: string;
    message: string;
    hint: string | null;
    problems?: ProblemJson[];
    stack?: string;
  };
}

export function errorJson(error: unknown): ErrorJson {
  if (error instanceof CancelledError) {
    return { error: { code: "CANCELLED", message: `Stopped by ${error.signal}.`, hint: null } };
  }
  if (!isAppError(error)) {
    const message = error instanceof Error ? error.message : String(error);
    const stack = error instanceof Error ? error.stack : undefined;
    const hint = "This is a bug in Purlin: please report it with the stack.";
    return { error: { code: "UNEXPECTED", message, hint, ...(stack ? { stack } : {}) } };
  }
  return {
    error: {
      code: error.code,
      message: error.message,
      hint: error.hint ?? null,
      ...placeJson(error.location),
      ...error.data,
      ...(error.problems.length > 0 ? { problems: error.problems.map(problemJson) } : {}),
    },
  };
}

export function problemJson(problem: Problem): ProblemJson {
  return { message: problem.message, hint: problem.hint ?? null, ...placeJson(problem.location) };
}

function placeJson(location: SourceLocation | undefined): PlaceJson {
  if (!location) return {};
  const { file, line, column } = location;
  return { file, ...(line === undefined ? {} : { line }), ...(column === undefined ? {} : { column }) };
}
