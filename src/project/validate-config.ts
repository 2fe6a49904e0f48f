import { AppError, type Problem } from "../errors.ts";
import type { Config } from "../protocol/config.ts";
import { deepFreeze } from "../util/deep-freeze.ts";
import { type Conflict, findConflicts } from "./config-conflicts.ts";
import { type ConfigDocument, parseConfigDocument } from "./config-document.ts";
import { mergeOverrides } from "./config-for-environment.ts";
import { configSchema, withModelName } from "./config-schema.ts";
import { findConfigWarnings } from "./config-warnings.ts";
import { type DescribedIssue, describeIssue } from "./describe-issue.ts";
import { type KeyPath, keyPathText } from "./key-path.ts";
import { toModelName } from "./model-name.ts";

export interface ValidateOptions {
  /** As the user would type it: config.yaml. */
  file: string;
  /** The name of the project's folder: the model's name where the file gives none. */
  folderName: string;
}

export interface ValidConfig {
  /** Every default filled in; frozen. */
  config: Config;
  warnings: Problem[];
  document: ConfigDocument;
}

/**
 * Checks the text of a config.yaml. Throws AppError CONFIG_INVALID, or SECRET_IN_CONFIG where a secret has a value,
 * with every problem that there is, in the order of the file.
 */
export function validateConfig(text: string, options: ValidateOptions): ValidConfig {
  const document = parseConfigDocument(text, options.file);
  const problems: (Problem & { secret?: true })[] = [...document.problems];
  if (document.data === undefined) throw invalid(problems, options);

  const defaultName = toModelName(options.folderName);
  const parsed = configSchema.safeParse(document.data);
  const issues = (parsed.error?.issues ?? []).flatMap((issue) =>
    describeIssue(issue, configSchema, document),
  );
  // What is wrong alone is taken out, so that what is wrong together is found in the same run.
  const sound = parsed.success ? parsed.data : parseWithout(document.data, issues);
  const config = sound && withModelName(sound, defaultName);
  const toProblem = (conflict: Conflict): Problem => problemOf(conflict, document);
  problems.push(...issues, ...(config ? allConflicts(config, document.data).map(toProblem) : []));
  if (problems.length > 0 || !config) throw invalid(problems, options);
  return { config: deepFreeze(config), warnings: findConfigWarnings(config).map(toProblem), document };
}

/** The config without its faulty keys; undefined where too little is left. */
function parseWithout(data: unknown, issues: readonly DescribedIssue[]) {
  const rest: unknown = structuredClone(data);
  for (const { path } of issues) {
    // An entry of a list is not taken out alone: the places of those behind it would shift.
    const list = path.findIndex((step) => typeof step === "number");
    remove(rest, list === -1 ? path : path.slice(0, list));
  }
  return configSchema.safeParse(rest).data;
}

function remove(data: unknown, path: KeyPath): void {
  let parent = data;
  for (const step of path.slice(0, -1)) {
    if (typeof parent !== "object" || parent === null) return;
    parent = (parent as Record<string | number, unknown>)[step];
  }
  const last = path.at(-1);
  if (typeof parent !== "object" || parent === null || last === undefined) return;
  delete (parent as Record<string | number, unknown>)[last];
}

/** Of the config itself, and of what each environment makes of it. */
function allConflicts(config: Config, data: unknown): Conflict[] {
  const own = findConflicts(config, data);
  const known = new Set(own.map(({ path, reason }) => keyPathText(path) + reason));
  const inEnvironments = Object.entries(config.environments).flatMap(([name, overrides]) => {
    const merged = configSchema.safeParse(mergeOverrides(config, overrides)).data;
    if (!merged) return [];
    return findConflicts(withModelName(merged, config.model_name), overridesAsWritten(data, name))
      .filter(({ path, reason }) => !known.has(keyPathText(path) + reason))
      .map((conflict) => ({ ...conflict, path: ["environments", name, ...conflict.path] }));
  });
  return [...own, ...inEnvironments];
}

function overridesAsWritten(data: unknown, name: string): unknown {
  const environments = (data as { environments?: Record<string, unknown> }).environments;
  return environments?.[name];
}

function problemOf({ path, reason, hint }: Conflict, document: ConfigDocument): Problem {
  const location = document.source.location(document.keySpan(path));
  return { message: `\`${keyPathText(path)}\` ${reason}`, location, ...(hint ? { hint } : {}) };
}

function invalid(problems: readonly (Problem & { secret?: true })[], { file }: ValidateOptions): AppError {
  // A value that breaks two rules of one type is one problem.
  const unique = new Map(problems.map((problem) => [`${place(problem)} ${problem.message}`, problem]));
  const sorted = [...unique.values()].sort((left, right) => place(left) - place(right));
  const secret = sorted.some((problem) => problem.secret);
  const count = sorted.length === 1 ? "a problem" : `${sorted.length} problems`;
  return new AppError(
    secret ? "SECRET_IN_CONFIG" : "CONFIG_INVALID",
    secret ? `${file} holds the value of a secret.` : `${file} has ${count}.`,
    {
      problems: sorted.map(({ message, location, hint }) => ({
        message,
        ...(location ? { location } : {}),
        ...(hint ? { hint } : {}),
      })),
    },
  );
}

function place({ location }: Problem): number {
  return (location?.line ?? 0) * 1e6 + (location?.column ?? 0);
}
