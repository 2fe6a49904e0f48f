import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { posix } from "node:path";
import { describe, it } from "node:test";
import { codeOnly, importsOf, ROOT, type SourceFile, sourceFiles } from "./helpers/source-files.ts";

interface Floor {
  /** Folders of src/ whose files it may import, itself aside. */
  imports: readonly string[];
  /** Of those, folders from which it may take types only. */
  typesOnly?: readonly string[];
  packages: readonly string[];
  node: boolean;
}

const GROUND = ["protocol", "base"];

/** The table of CONTRIBUTING.md; `base` is errors.ts, events.ts and util/. */
const FLOORS: Record<string, Floor> = {
  protocol: { imports: [], packages: [], node: false },
  base: { imports: ["protocol"], packages: [], node: true },
  http: { imports: ["protocol"], packages: [], node: true },
  sdk: { imports: [], packages: [], node: false },
  runtime: { imports: ["protocol", "http"], packages: ["ws", "busboy", "@opentelemetry/api"], node: true },
  project: { imports: GROUND, packages: ["yaml", "zod", "ignore"], node: true },
  bundle: { imports: [...GROUND, "project"], packages: ["esbuild", "acorn"], node: true },
  types: { imports: GROUND, packages: ["typescript-api", "ajv"], node: true },
  pack: { imports: GROUND, packages: ["tar"], node: true },
  sync: { imports: GROUND, packages: ["chokidar"], node: true },
  client: { imports: GROUND, packages: ["undici"], node: true },
  supervise: { imports: GROUND, packages: [], node: true },
  remotes: { imports: GROUND, packages: [], node: true },
  server: {
    imports: [...GROUND, "http", "project", "pack", "client", "supervise"],
    packages: ["libsql"],
    node: true,
  },
  actions: {
    imports: [
      ...GROUND,
      "project",
      "bundle",
      "types",
      "pack",
      "sync",
      "client",
      "supervise",
      "remotes",
      "server",
    ],
    packages: [],
    node: true,
  },
  cli: {
    imports: [...GROUND, "project", "actions"],
    typesOnly: ["project"],
    packages: ["commander", "chalk"],
    node: true,
  },
};

/** Longer than 250 lines, each with its reason; nothing is longer than 450. */
const LONG_FILES: Record<string, string> = {
  "src/types/client/client-template.ts": "a generated client is one file that depends on nothing",
  "src/actions/watch-project.ts":
    "one loop: what has changed, what is being applied, what has failed and is still to be told",
  "src/bundle/change/code-facts.ts":
    "one walk over the syntax of JavaScript: what each kind of node says of a name",
  "src/server/deployments/deployments.ts":
    "one state machine: what serves an environment, what takes over, what goes back",
  "src/server/router/traffic.ts":
    "one place of queue, dispatch and counts of a deployment: they share invariants",
  "src/server/engines/local/replica-set.ts": "one state machine: start, probe, replace and drain replicas",
  "src/runtime/front/dispatcher.ts":
    "the one place of queue, slots, deadlines and cancellation: they share invariants",
  "src/runtime/front/process-pool.ts": "one state machine: start, replace, heal and drain model processes",
  "src/runtime/model/executor.ts": "the life of a request in the model process, from its frame to its answer",
  "src/runtime/model/stream-answer.ts":
    "one stream, three framings, with its window, its timeout and its end",
};

const PROCESS_EXIT = ["src/cli/main.ts", "src/runtime/front/main.ts", "src/runtime/model/main.ts"];

const files = sourceFiles("src");
const packageJson = JSON.parse(readFileSync(`${ROOT}package.json`, "utf8")) as {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
};

describe("the floors of src/", () => {
  it("every file is on a floor", () => {
    assert.deepEqual(
      files.filter((file) => !FLOORS[floorOf(file.path)]).map((file) => file.path),
      [],
    );
  });

  it("a file imports only from the floors that the table allows", () => {
    assert.deepEqual(
      files.flatMap((file) => wrongImports(file)),
      [],
    );
  });

  it("each dependency has one door, and is used", () => {
    for (const name of Object.keys(packageJson.dependencies)) {
      const doors = Object.entries(FLOORS).filter(([, floor]) => floor.packages.includes(name));
      assert.equal(doors.length, 1, `${name} must stand in one row of the table`);
      const users = files.filter((file) =>
        file.imports.some(({ specifier }) => packageOf(specifier) === name),
      );
      assert.notEqual(users.length, 0, `nothing imports ${name}`);
    }
  });

  it("the packages of the table are those of package.json", () => {
    const known = { ...packageJson.dependencies, ...packageJson.devDependencies };
    for (const name of Object.values(FLOORS).flatMap(({ packages }) => packages))
      assert.ok(known[name], name);
  });

  it("the table in CONTRIBUTING.md names the same folders and packages", () => {
    const table = readFileSync(`${ROOT}CONTRIBUTING.md`, "utf8");
    for (const [name, { packages }] of Object.entries(FLOORS)) {
      const row = table.split("\n").find((line) => line.startsWith("|") && line.includes(`\`${name}/\``));
      if (name === "base") continue;
      assert.ok(row, `no row for ${name}/`);
      const cell = row.split("|").at(-2)?.trim() ?? "";
      const named = cell
        .replaceAll(/\(.*?\)/g, "")
        .split(",")
        .map((part) => part.trim());
      assert.deepEqual(named, packages.length === 0 ? ["none"] : [...packages], `packages of ${name}/`);
    }
  });

  it("the check sees what it must refuse", () => {
    const bad = (path: string, text: string) =>
      wrongImports({ path, text, lines: 1, imports: importsOf(text) });
    assert.equal(bad("src/pack/x.ts", 'import { a } from "../project/a.ts";').length, 1);
    assert.equal(bad("src/cli/x.ts", 'import { a } from "../project/a.ts";').length, 1);
    assert.equal(bad("src/cli/x.ts", 'import type { A } from "../project/a.ts";').length, 0);
    assert.equal(bad("src/actions/x.ts", 'const { request } = await import("undici");').length, 1);
    assert.equal(bad("src/protocol/x.ts", 'import { join } from "node:path";').length, 1);
    assert.equal(bad("src/actions/x.ts", 'import type { A } from "../runtime/front/a.ts";').length, 1);
    assert.equal(bad("src/util/x.ts", 'import { a } from "./a.js";').length, 1);
  });
});

describe("the habits of src/", () => {
  it("files are named in kebab-case", () => {
    for (const { path } of files) assert.match(posix.basename(path), /^[a-z0-9]+(-[a-z0-9]+)*\.ts$/, path);
  });

  it("no file is too long without a reason", () => {
    for (const { path, lines } of files) {
      assert.ok(lines <= 450, `${path} has ${lines} lines: split it`);
      if (lines > 250) assert.ok(LONG_FILES[path], `${path} has ${lines} lines and no reason in LONG_FILES`);
    }
    for (const path of Object.keys(LONG_FILES)) {
      const file = files.find((one) => one.path === path);
      assert.ok(file && file.lines > 250, `${path} needs no reason any more`);
    }
  });

  it("only the shell prints, exits and knows the current folder", () => {
    const offenders = (pattern: RegExp, allowed: (path: string) => boolean) =>
      files
        .filter((file) => !allowed(file.path) && pattern.test(codeOnly(file.text)))
        .map(({ path }) => path);
    assert.deepEqual(
      offenders(
        /\bconsole\.\w+\(/,
        (path) => path.startsWith("src/cli/report/") || path.startsWith("src/runtime/"),
      ),
      [],
    );
    assert.deepEqual(
      offenders(/\bprocess\.exit\(/, (path) => PROCESS_EXIT.includes(path)),
      [],
    );
    assert.deepEqual(
      offenders(/\bprocess\.cwd\(/, (path) => path === "src/cli/main.ts" || path.startsWith("src/runtime/")),
      [],
    );
    assert.deepEqual(
      offenders(/\bprocess\.std(out|err)\b/, (path) => /^src\/(cli\/main\.ts$|runtime\/)/.test(path)),
      [],
    );
  });

  it("exports have names", () => {
    for (const { path, text } of files) assert.doesNotMatch(codeOnly(text), /^export default/m, path);
  });
});

describe("the runtime, as it is built", () => {
  interface Metafile {
    inputs: Record<string, unknown>;
    outputs: Record<
      string,
      { bytes: number; inputs: Record<string, unknown>; imports: { path: string; external?: boolean }[] }
    >;
  }
  const meta = () => JSON.parse(readFileSync(`${ROOT}dist/runtime/meta.json`, "utf8")) as Metafile;
  const outputs = () =>
    Object.entries(meta().outputs).map(([path, output]) => ({ name: posix.basename(path), ...output }));

  /** CommonJS, which names Node's modules without the prefix. */
  const CARRIED: Record<string, string[]> = {
    "websocket.mjs": ["ws"],
    "form.mjs": ["busboy", "streamsearch"],
  };

  it("is made of its own folder, protocol/ and http/, of ws where sockets are, of busboy where forms are", () => {
    for (const { name, inputs } of outputs()) {
      for (const input of Object.keys(inputs)) {
        const isCarried = CARRIED[name]?.some((one) => input.startsWith(`node_modules/${one}/`)) ?? false;
        assert.ok(
          isCarried || /^src\/(runtime|protocol|http)\//.test(input) || input === "<runtime>",
          `${name} has ${input}`,
        );
      }
    }
  });

  it("asks for nothing but Node's own modules", () => {
    for (const { name, imports } of outputs()) {
      for (const { path } of imports.filter(({ external }) => external)) {
        const isNode = path.startsWith("node:") || (name in CARRIED && isBuiltin(path));
        assert.ok(isNode || path === "./websocket.mjs", `${name} imports ${path}`);
      }
    }
  });
});

describe("the command line, as it is built", () => {
  it("starts without a package: every one is loaded by the command that needs it", () => {
    const seen = new Set<string>();
    const outside = new Set<string>();
    visit("main.mjs");
    assert.ok(seen.size > 1, "the CLI is split into chunks");
    assert.deepEqual(
      [...outside].filter((specifier) => !specifier.startsWith("node:")),
      [],
    );

    function visit(path: string): void {
      if (seen.has(path)) return;
      seen.add(path);
      const text = readFileSync(`${ROOT}dist/cli/${path}`, "utf8");
      for (const match of text.matchAll(
        /(?:^|[;}\n])(?:import|export)\s*(?:[\w*${}\s,]*?from)?\s*["']([^"']+)["']/g,
      )) {
        const specifier = match[1] ?? "";
        if (specifier.startsWith(".")) visit(posix.join(posix.dirname(path), specifier));
        else outside.add(specifier);
      }
    }
  });
});

function floorOf(path: string): string {
  const [, first = "", ...rest] = path.split("/");
  if (rest.length === 0) return ["errors.ts", "events.ts"].includes(first) ? "base" : first;
  return first === "util" ? "base" : first;
}

function wrongImports(file: SourceFile): string[] {
  const name = floorOf(file.path);
  const floor = FLOORS[name];
  if (!floor) return [`${file.path} is on no floor`];
  return file.imports.flatMap(({ specifier, typeOnly }) => {
    const wrong = wrongImport(specifier);
    return wrong === null ? [] : [`${file.path}: ${wrong}`];

    function wrongImport(to: string): string | null {
      if (to.startsWith("node:")) return floor?.node ? null : `${to}: this floor knows no Node`;
      if (!to.startsWith(".")) {
        return floor?.packages.includes(packageOf(to)) ? null : `${to} is not a package of this floor`;
      }
      // Built files are loaded by their place, never compiled in.
      if (to.endsWith(".mjs") && name === "runtime") return null;
      if (!to.endsWith(".ts")) return `${to} needs its extension .ts`;
      const target = floorOf(posix.join(posix.dirname(file.path), to));
      if (target === name) return null;
      if (!floor?.imports.includes(target)) return `${to}: ${name} may not import ${target}`;
      return floor.typesOnly?.includes(target) && !typeOnly ? `${to}: types only from ${target}` : null;
    }
  });
}

/** "zod/v4" -> "zod", "@scope/name/x" -> "@scope/name" */
function packageOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}
