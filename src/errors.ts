/** Where in the user's files something is wrong; lines and columns count from 1. */
export interface SourceLocation {
  /** Path as the user would type it: from the project, with `/`. */
  file: string;
  line?: number;
  column?: number;
  /** Marked columns from `column`, for the code frame. */
  length?: number;
  /** The source text around the place, for a code frame; the renderer marks the column. */
  lineText?: string;
}

export interface Problem {
  message: string;
  location?: SourceLocation;
  hint?: string;
}

export interface AppErrorOptions {
  hint?: string;
  location?: SourceLocation;
  /** Several problems found at once; the message then sums them up. */
  problems?: Problem[];
  /** Further facts for --json, in snake_case. */
  data?: Record<string, unknown>;
  cause?: unknown;
}

const BRAND = Symbol.for("purlin.AppError");

/**
 * The user or the environment must act: shown as message, place and hint, never with a stack; exit code 1.
 * Every code is listed in ERROR_CODES and in docs/reference/errors.md; a test keeps the two equal.
 */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly location: SourceLocation | undefined;
  readonly problems: Problem[];
  readonly data: Record<string, unknown>;
  readonly [BRAND] = true;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "AppError";
    this.code = code;
    this.hint = options.hint;
    this.location = options.location;
    this.problems = options.problems ?? [];
    this.data = options.data ?? {};
  }
}

/** Wrong usage of a command: exit code 2. */
export class UsageError extends AppError {
  constructor(message: string, hint?: string) {
    super("USAGE", message, hint === undefined ? {} : { hint });
    this.name = "UsageError";
  }
}

/** Stopped by a signal or by the caller: exit code 128 + signal number. */
export class CancelledError extends Error {
  readonly signal: NodeJS.Signals;

  constructor(signal: NodeJS.Signals = "SIGINT") {
    super("Cancelled.");
    this.name = "CancelledError";
    this.signal = signal;
  }
}

/** Told by the brand, not by instanceof: bundles may hold several copies of the class. */
export function isAppError(value: unknown): value is AppError {
  return typeof value === "object" && value !== null && (value as Record<symbol, unknown>)[BRAND] === true;
}

/** Each code with what it means; the table in docs/reference/errors.md is checked against this one. */
export const ERROR_CODES = {
  USAGE: "The command was typed wrongly.",
  CONFIG_NOT_FOUND: "There is no config.yaml where the project should be.",
  CONFIG_INVALID: "config.yaml has problems; each is listed with its place.",
  SECRET_IN_CONFIG: "config.yaml holds a secret's value; null is the placeholder.",
  MODEL_NOT_FOUND: "The model file, or the class in it, does not exist.",
  MODEL_INVALID: "The model class breaks a rule of the model contract.",
  BUILD_FAILED: "The model's code does not bundle.",
  PACKAGE_MISSING: "A package that the model imports is not installed.",
  WRONG_PLATFORM: "A package has no binary for the target, or one for another platform.",
  WRONG_NODE: "A package has a native addon that was compiled for another version of Node.",
  TARGET_UNKNOWN: "The build target is not one that Purlin knows.",
  PACKAGE_INVALID: "A package folder or archive is damaged or not a package.",
  PATH_INVALID: "A file's name cannot be carried to other machines.",
  LINK_OUTSIDE: "A link leads out of the project.",
  VERIFY_FAILED: "The packed model did not load or did not answer its examples.",
  EXAMPLES_FAILED: "An example's answer was an error or not the expected one.",
  SOAK_FAILED: "A soak has found a leak, or answers that are not right.",
  NO_EXAMPLES: "config.yaml has no examples to run.",
  TEMPLATE_UNKNOWN: "There is no such template.",
  FILES_EXIST: "Files that would be written exist already.",
  NAME_INVALID: "The model name is not a valid one.",
  PORT_IN_USE: "Another process listens on that port.",
  HOST_INVALID: "That host cannot be listened on.",
  RUNTIME_FAILED: "The inference server did not start.",
  LOAD_FAILED: "The model's constructor or load failed.",
  NOT_A_TTY: "A question would have to be asked, and there is no terminal.",
  INPUT_INVALID: "The input given to the command is not valid.",
  REQUEST_FAILED: "The server could not be reached.",
  ERROR_ANSWER: "The model answered with an error.",
  DISK_FULL: "There is no room left on the disk.",
  NOT_WRITABLE: "A folder cannot be written to.",
  SYSTEM_LIMIT: "A limit of the operating system is reached: open files, file watches.",
  DOCTOR_FAILED: "doctor found something that must be mended.",
  CANCELLED: "The command was stopped by a signal.",
  UNEXPECTED: "A bug in Purlin; the report shows its stack.",
  NPM_FAILED: "npm could not fetch the packages for the target.",
  HOST_DATA: "The data folder of a host is in use, or of another version.",
  HOST_UNREACHABLE: "The deployment server could not be reached.",
  HOST_REFUSED: "The deployment server refused; its own code is in `data.host_code`.",
  NO_REMOTE: "There is no deployment server to talk to.",
  REMOTE_INVALID: "The file with the remotes is damaged, or others can read it.",
  NOT_SIGNED_IN: "The deployment server knows no such key.",
  FORBIDDEN: "The key is not allowed to do that.",
  NOT_ON_HOST: "The deployment server has no such model, environment or deployment.",
  PUSH_CONFLICT: "Somebody else has pushed to the same environment meanwhile.",
  WATCH_LOST: "Another watcher has taken over the development deployment.",
  DEPLOY_FAILED: "The deployment did not become active; the model's own error is told.",
  FILE_CHANGED: "A file changed while it was being sent, or before it was to be written.",
} as const satisfies Record<string, string>;

export type ErrorCode = keyof typeof ERROR_CODES;
