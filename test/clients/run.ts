// The real clients against serve and host: node --import tsx test/clients/run.ts [--write] [part of a name ...]
// --write puts what the run has given into docs/reference/clients.md; without it, a page that differs is a failure.
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { format } from "prettier";
import { type RanFile, renderPage } from "./frame/page.ts";
import { type RowFile, rowFiles, type TargetKind } from "./frame/row-file.ts";
import { type FileResult, runRowFile } from "./frame/run-row-file.ts";
import { Scope } from "./frame/scope.ts";
import { goClients, missingPrograms, npmClients, pythonClients } from "./frame/setup.ts";
import { copyModels, startHost, startServe, type Target } from "./frame/targets.ts";

const PAGE = fileURLToPath(new URL("../../docs/reference/clients.md", import.meta.url));
/** Files of rows that run at the same time. */
const AT_ONCE = 2;

const args = process.argv.slice(2);
const files = rowFiles(args.filter((each) => !each.startsWith("--")));
const count = { passed: 0, failed: 0, skipped: 0 };
const scope = new Scope();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void scope.close().finally(() => process.exit(1)));
}

try {
  const runnable = await setUp();
  const targets = await startTargets(runnable);
  const ran = await runAll(runnable, targets);
  await comparePage(ran);
} catch (error) {
  count.failed++;
  say(`failed  ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
} finally {
  await scope.close();
}
if (count.passed + count.failed === 0) count.failed++;
say(`${count.skipped} skipped`);
say(`${count.passed} passed, ${count.failed} failed`);
process.exit(count.failed === 0 ? 0 : 1);

/** The files whose programs are here. */
async function setUp(): Promise<RowFile[]> {
  const start = performance.now();
  const missing = await missingPrograms([...new Set(files.flatMap((each) => each.needs))]);
  const runnable = files.filter((file) => {
    const lacks = file.needs.filter((each) => missing.includes(each));
    if (lacks.length > 0) {
      count.skipped++;
      say(`skipped ${file.name}: this machine has no ${lacks.join(", ")}`);
    }
    return lacks.length === 0;
  });
  const uses = (language: RowFile["language"]): boolean =>
    runnable.some((each) => each.language === language);
  const environments = new Set(
    runnable.filter((each) => each.language === "python").map((each) => each.python),
  );
  if (uses("js") || uses("ts")) await npmClients();
  for (const name of environments) await pythonClients(name);
  if (uses("go")) await goClients();
  say(`set-up: ${seconds(start)}`);
  return runnable;
}

async function startTargets(runnable: RowFile[]): Promise<Map<TargetKind, Target>> {
  const start = performance.now();
  const namesFor = (kind: TargetKind): string[] => [
    ...new Set(runnable.filter((each) => each.targets.includes(kind)).flatMap((each) => each.models)),
  ];
  const used = (kind: TargetKind): boolean => runnable.some((each) => each.targets.includes(kind));
  const dir = await copyModels(scope);
  const targets = new Map<TargetKind, Target>();
  targets.set("own", { kind: "own", url: "", key: "", ca: "", models: {} });
  if (used("serve")) targets.set("serve", await startServe(scope, dir, namesFor("serve")));
  if (used("host")) targets.set("host", await startHost(scope, dir, { names: namesFor("host") }));
  if (used("tls")) targets.set("tls", await startHost(scope, dir, { names: namesFor("tls"), tls: true }));
  say(`targets: ${seconds(start)}`);
  return targets;
}

async function runAll(runnable: RowFile[], targets: Map<TargetKind, Target>): Promise<RanFile[]> {
  const ran = runnable.map((file): RanFile => ({ file, results: [] }));
  const tasks = ran.flatMap((each) => each.file.targets.map((kind) => ({ each, kind })));
  const next = async (): Promise<void> => {
    for (let task = tasks.shift(); task; task = tasks.shift()) {
      const { each, kind } = task;
      const target = targets.get(kind) as Target;
      const result = await runRowFile(each.file, target).catch((error: Error): FileResult => ({
        rows: [],
        failure: error.message,
        seconds: 0,
      }));
      report(each.file, kind, result);
      each.results.push({ target: kind, rows: result.rows });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
  // In the order of the head of the file, whichever ended first.
  for (const { file, results } of ran) {
    results.sort((a, b) => file.targets.indexOf(a.target) - file.targets.indexOf(b.target));
  }
  return ran;
}

function report(file: RowFile, kind: TargetKind, { rows, failure, seconds: took }: FileResult): void {
  const bad = rows.filter((row) => !row.ok && row.skipped === undefined);
  const skipped = rows.filter((row) => row.skipped !== undefined);
  count.passed += rows.length - bad.length - skipped.length;
  count.skipped += skipped.length;
  count.failed += bad.length + (failure === "" ? 0 : 1);
  say(
    `${bad.length > 0 || failure !== "" ? "failed " : "passed "} ${file.name} (${kind}): ${rows.length} rows, ${took.toFixed(1)} s`,
  );
  for (const row of bad) say(`    ${row.call}: must get ${row.must}; ${row.detail.slice(0, 600)}`);
  for (const row of skipped) say(`    ${row.call}: skipped, ${row.skipped}`);
  if (failure !== "") say(`    ${failure}`);
}

async function comparePage(ran: RanFile[]): Promise<void> {
  const page = await readFile(PAGE, "utf8").catch(() => "");
  const rendered = renderPage(page, ran, rowFiles());
  const made = await format(rendered, { parser: "markdown", printWidth: 110 });
  if (args.includes("--write")) return writeFile(PAGE, made);
  if (made === page) return void count.passed++;
  count.failed++;
  say("failed  docs/reference/clients.md is not what this run has given: npm run test:clients -- --write");
}

function seconds(start: number): string {
  return `${((performance.now() - start) / 1000).toFixed(1)} s`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
