import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { PURLIN_BIN } from "../../helpers/spawn-cli.ts";
import type { RowFile } from "./row-file.ts";
import { mustRun, runProgram } from "./run-program.ts";
import { clientsNode, goClients, npmClients, pythonClients } from "./setup.ts";
import { MODELS, type Target } from "./targets.ts";

const LIB = fileURLToPath(new URL("../lib/", import.meta.url));

/** One line that a file of rows prints. */
export interface RowResult {
  call: string;
  /** What the client must get, in words. */
  must: string;
  ok: boolean;
  /** What went wrong, or what was got. */
  detail: string;
  /** Only where a row cannot be tried on this machine: why. */
  skipped?: string;
}

export interface FileResult {
  rows: RowResult[];
  /** Why the file as a whole has failed: it ended early, it printed no row. */
  failure: string;
  seconds: number;
}

/** Runs one file of rows against one target and gathers what it prints. */
export async function runRowFile(file: RowFile, target: Target): Promise<FileResult> {
  const start = performance.now();
  const { command, cwd, remove } = await prepare(file);
  try {
    const run = await runProgram(command, {
      cwd,
      env: await environment(file, target),
      minutes: file.minutes,
    });
    const rows = run.stdout.split("\n").flatMap(readRow);
    const said = `${run.stderr}${run.stdout}`.trim().slice(-1500);
    const failure = run.timedOut
      ? `it took more than ${file.minutes} minutes; ${said}`
      : run.code !== 0
        ? `it ended with ${run.code}; ${said}`
        : rows.length === 0
          ? `it printed no row; ${said}`
          : "";
    return { rows, failure, seconds: (performance.now() - start) / 1000 };
  } finally {
    await remove();
  }
}

async function environment(file: RowFile, target: Target): Promise<NodeJS.ProcessEnv> {
  const { NODE_OPTIONS: _options, NODE_TEST_CONTEXT: _context, ...env } = process.env;
  return {
    ...env,
    PATH: `${env["PATH"] ?? ""}:/usr/sbin:/sbin`,
    PURLIN_TARGET: JSON.stringify(target),
    // For rows that start what they call, or whose client is a program about a project.
    PURLIN_BIN,
    PURLIN_CLIENTS_MODELS: MODELS,
    PYTHONPATH: LIB,
    PYTHONDONTWRITEBYTECODE: "1",
    PYTHONUNBUFFERED: "1",
    ...(file.language === "ts" || file.language === "js" ? { PURLIN_CLIENTS_NPM: await npmClients() } : {}),
    ...(target.ca === "" ? {} : { NODE_EXTRA_CA_CERTS: target.ca, SSL_CERT_FILE: target.ca }),
    ...(target.ca === "" ? {} : { REQUESTS_CA_BUNDLE: target.ca, CURL_CA_BUNDLE: target.ca }),
  };
}

interface Prepared {
  command: string[];
  cwd: string;
  remove(): Promise<void>;
}

/** Where the file stands when it runs: beside the packages that it imports. */
async function prepare(file: RowFile): Promise<Prepared> {
  switch (file.language) {
    case "ts":
      return inPlace([process.execPath, "--import", import.meta.resolve("tsx"), file.path]);
    case "python": {
      // Under another name: `openai.py` would be found in place of the package that it imports.
      const dir = await mkdtemp(join(tmpdir(), "pc-python-"));
      await cp(file.path, join(dir, "main_rows.py"));
      return inFolder(dir, [await pythonClients(file.python), join(dir, "main_rows.py")]);
    }
    case "js": {
      const npm = await npmClients();
      const dir = await mkdtemp(join(npm, "run-"));
      await cp(LIB, join(dir, "lib"), { recursive: true });
      await mkdir(join(dir, "rows"));
      await cp(file.path, join(dir, "rows", file.name));
      return inFolder(dir, [await clientsNode(), join(dir, "rows", file.name)]);
    }
    case "go": {
      const go = await goClients();
      const dir = await mkdtemp(join(go, "run-"));
      await cp(file.path, join(dir, "main.go"));
      await cp(join(LIB, "rows.go"), join(dir, "rows.go"));
      await mustRun(["go", "build", "-o", "rows", "."], { cwd: dir });
      return inFolder(dir, [join(dir, "rows")]);
    }
    case "java": {
      const dir = await mkdtemp(join(tmpdir(), "pc-java-"));
      await mustRun(["javac", "-d", dir, join(LIB, "Rows.java"), file.path]);
      return inFolder(dir, ["java", "-XX:TieredStopAtLevel=1", "-cp", dir, basename(file.path, ".java")]);
    }
  }
}

function inPlace(command: string[]): Prepared {
  return { command, cwd: tmpdir(), remove: async () => {} };
}

function inFolder(dir: string, command: string[]): Prepared {
  return { command, cwd: dir, remove: () => rm(dir, { recursive: true, force: true }) };
}

function readRow(line: string): RowResult[] {
  if (!line.startsWith('{"row":')) return [];
  const { row } = JSON.parse(line) as { row: Partial<RowResult> };
  const { call = "", must = "", ok = false, detail = "", skipped } = row;
  return [{ call, must, ok, detail: String(detail), ...(skipped === undefined ? {} : { skipped }) }];
}
