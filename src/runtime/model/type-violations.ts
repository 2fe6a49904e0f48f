/** A function that Ajv has made: its errors are a property of it until it is called again. */
export interface Check {
  (value: unknown): boolean;
  errors?: readonly AjvError[] | null;
}

interface AjvError {
  /** JSON pointer. */
  instancePath: string;
  keyword: string;
  params: Record<string, unknown>;
  message?: string;
}

export interface Issue {
  path: (string | number)[];
  message: string;
}

/** A value with more parts than this is only told its first fault: a million of them would help nobody. */
const MAX_PARTS = 10_000;
const MAX_ISSUES = 100;

/** What is wrong with a value that `check` has refused. */
export function findViolations(value: unknown, check: Check, explain: Check | undefined): Issue[] {
  const whole = explain !== undefined && countParts(value) <= MAX_PARTS ? explain : check;
  whole(value);
  return issuesOf(whole.errors ?? [], value).slice(0, MAX_ISSUES);
}

function issuesOf(errors: readonly AjvError[], value: unknown): Issue[] {
  const issues: { error: AjvError; issue: Issue }[] = [];
  for (const error of errors) {
    if (error.keyword === "anyOf" || error.keyword === "oneOf") {
      const branches = takeBelow(issues, error.instancePath);
      issues.push({ error, issue: { path: pathOf(error, value), message: unionMessage(error, branches) } });
    } else issues.push({ error, issue: { path: pathOf(error, value), message: messageOf(error) } });
  }
  return issues.map(({ issue }) => issue);
}

/** What each branch of a union had against the value has been told just before the union is. */
function takeBelow(issues: { error: AjvError; issue: Issue }[], instancePath: string): AjvError[] {
  let at = issues.length;
  while (at > 0 && issues[at - 1]?.error.instancePath.startsWith(instancePath) === true) at--;
  return issues.splice(at).map(({ error }) => error);
}

function unionMessage({ instancePath }: AjvError, branches: readonly AjvError[]): string {
  const own = branches.filter((branch) => branch.instancePath === instancePath);
  const types = own
    .filter(({ keyword }) => keyword === "type")
    .flatMap(({ params }) => params["type"] as string | string[]);
  if (types.length > 0 && types.length === own.length && own.length === branches.length) {
    return `must be ${listOf([...new Set(types)], "or")}`;
  }
  // The branch that the value has come furthest in is the one that was meant.
  const deep = branches.filter((branch) => branch.instancePath.length > instancePath.length);
  const [first] = deep.length > 0 ? deep : own.filter(({ keyword }) => keyword !== "type");
  const hint = first === undefined ? "" : `: ${pointerText(first, instancePath)}${messageOf(first)}`;
  return `fits none of the types that it may have${hint}`;
}

function pointerText({ instancePath }: AjvError, above: string): string {
  const rest = instancePath.slice(above.length).split("/").slice(1).map(unescaped).join(".");
  return rest === "" ? "" : `${rest} `;
}

function messageOf({ keyword, params, message }: AjvError): string {
  switch (keyword) {
    case "type":
      return `must be ${listOf([params["type"] as string | string[]].flat(), "or")}`;
    case "required":
      return "is missing";
    case "enum":
      return `must be ${listOf(
        (params["allowedValues"] as unknown[]).map((one) => JSON.stringify(one)),
        "or",
      )}`;
    case "const":
      return `must be ${JSON.stringify(params["allowedValue"])}`;
    case "discriminator":
      return params["error"] === "mapping"
        ? `names none of the types that it may have: ${JSON.stringify(params["tagValue"])}`
        : "must be a text that names the type";
    default:
      return message ?? "is not valid";
  }
}

/** The place of the fault: what is missing is a place, too. */
function pathOf({ instancePath, keyword, params }: AjvError, value: unknown): (string | number)[] {
  const path: (string | number)[] = [];
  let current = value;
  for (const step of instancePath.split("/").slice(1).map(unescaped)) {
    path.push(Array.isArray(current) ? Number(step) : step);
    current = (current as Record<string, unknown> | undefined)?.[step];
  }
  if (keyword === "required") path.push(String(params["missingProperty"]));
  if (keyword === "discriminator") path.push(String(params["tag"]));
  return path;
}

function unescaped(step: string): string {
  return step.replaceAll("~1", "/").replaceAll("~0", "~");
}

function listOf(words: readonly string[], last: string): string {
  if (words.length > 20) return `one of ${words.length} values`;
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} ${last} ${words.at(-1)}`;
}

/** Up to the limit. */
function countParts(value: unknown): number {
  let count = 0;
  const queue: unknown[] = [value];
  while (queue.length > 0 && count <= MAX_PARTS) {
    const next = queue.pop();
    count++;
    if (typeof next !== "object" || next === null || ArrayBuffer.isView(next)) continue;
    const inner = Object.values(next);
    if (inner.length > MAX_PARTS) return inner.length;
    queue.push(...inner);
  }
  return count;
}
