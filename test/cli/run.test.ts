import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CommandEntry } from "../../src/cli/command-table.ts";
import { COMMANDS } from "../../src/cli/command-table.ts";
import { type CommandDefinition, defineCommand } from "../../src/cli/define-command.ts";
import { parsePort } from "../../src/cli/parse-values.ts";
import { AppError, CancelledError } from "../../src/errors.ts";
import { runCli } from "../helpers/run-cli.ts";

const echo = defineCommand<{ port: number; host?: string }>({
  name: "echo",
  summary: "say what was given",
  arguments: [{ name: "[dir]", description: "a folder" }],
  options: [
    { flags: "--port <port>", description: "a port", default: 8080, parse: parsePort, env: "PORT" },
    { flags: "--host <host>", description: "a host" },
  ],
  async run({ args, options }, { report, cwd }) {
    report.emit({ type: "step", message: "working" });
    report.emit({ type: "warning", code: "W", message: "careful" });
    const json = { dir: args[0] ?? null, cwd, ...options };
    return { json, text: (style) => style.good(`dir ${args[0]} port ${options.port}`) };
  },
});

function failing(error: unknown): CommandDefinition<never> {
  return defineCommand<never>({ name: "fail", summary: "fail", run: () => Promise.reject(error) });
}

function table(...definitions: CommandDefinition<never>[]): CommandEntry[] {
  return definitions.map((one) => ({
    name: one.name,
    summary: one.summary,
    load: () => Promise.resolve(one),
  }));
}

const commands = table(echo as CommandDefinition<never>);

describe("the shell", () => {
  it("prints the result on stdout and the news on stderr", async () => {
    const run = await runCli(["echo", "here", "--port", "1"], { commands });
    assert.deepEqual([run.code, run.stdout], [0, "dir here port 1\n"]);
    assert.equal(run.stderr, "working\nwarning careful\n");
  });

  it("--json prints one JSON object, wherever the flag stands", async () => {
    for (const argv of [
      ["--json", "echo", "x"],
      ["echo", "x", "--json"],
    ]) {
      const run = await runCli(argv, { commands, cwd: "/w" });
      assert.deepEqual(run.json(), { dir: "x", cwd: "/w", port: 8080 });
      assert.equal(run.stdout.split("\n").length, 2, "one line");
    }
  });

  it("--quiet keeps stderr empty and the result as it is", async () => {
    const run = await runCli(["echo", "--quiet"], { commands });
    assert.deepEqual([run.stderr, run.stdout], ["", "dir undefined port 8080\n"]);
  });

  it("takes a default from the environment, checked like the flag, and the flag wins", async () => {
    assert.match((await runCli(["echo"], { commands, env: { PORT: "9" } })).stdout, /port 9/);
    assert.match((await runCli(["echo", "--port", "8"], { commands, env: { PORT: "9" } })).stdout, /port 8/);
    const bad = await runCli(["echo"], { commands, env: { PORT: "http" } });
    assert.equal(bad.code, 2);
    assert.match(bad.stderr, /PORT=http .* whole number from 0 to 65535/);
  });

  it("colours only a terminal, and never against NO_COLOR, --no-color or CI", async () => {
    const tty = { stdout: true };
    const coloured = async (argv: string[], env: Record<string, string>, onTty = true) =>
      (await runCli(["echo", ...argv], { commands, env, ...(onTty ? { tty } : {}) })).stdout.includes(
        "\u001B[",
      );
    assert.equal(await coloured([], {}), true);
    assert.equal(await coloured([], {}, false), false);
    assert.equal(await coloured([], { NO_COLOR: "1" }), false);
    assert.equal(await coloured(["--no-color"], { FORCE_COLOR: "1" }), false);
    assert.equal(await coloured([], { CI: "true" }), false);
    assert.equal(await coloured([], { FORCE_COLOR: "1" }, false), true);
  });

  it("masks known secrets on both streams, also inside JSON", async () => {
    const leak = table(
      defineCommand<never>({
        name: "leak",
        summary: "leak",
        async run(_input, { report, addSecrets }) {
          addSecrets(['quo"ted', "abc"]);
          report.emit({ type: "note", message: "key s3cret-value, short abc" });
          return { json: { a: "s3cret-value", b: 'quo"ted' }, text: "s3cret-value" };
        },
      }),
    );
    const env = { PURLIN_SECRET_KEY: "s3cret-value" };
    const text = await runCli(["leak"], { commands: leak, env });
    assert.equal(text.stdout, "***\n");
    assert.equal(text.stderr, "key ***, short abc\n");
    assert.deepEqual((await runCli(["leak", "--json"], { commands: leak, env })).json(), {
      a: "***",
      b: "***",
    });
    const failed = await runCli(["fail", "--json"], {
      commands: table(failing(new Error("got s3cret-value"))),
      env,
    });
    assert.equal(`${failed.stdout}${failed.stderr}`.includes("s3cret-value"), false);
  });
});

describe("wrong usage", () => {
  it("an unknown command or flag is answered with the nearest one and exit code 2", async () => {
    const command = await runCli(["ehco"], { commands });
    assert.equal(command.code, 2);
    assert.match(command.stderr, /Unknown command 'ehco'\.\n.*Did you mean echo\?/);
    const flag = await runCli(["echo", "--prot", "1"], { commands });
    assert.equal(flag.code, 2);
    assert.match(flag.stderr, /Unknown option '--prot'\.\n.*Did you mean --port\? See purlin echo --help\./);
  });

  it("each kind of it has exit code 2 and, with --json, one JSON object with code, message and hint", async () => {
    for (const argv of [
      [],
      ["nope"],
      ["echo", "--nope"],
      ["echo", "a", "b"],
      ["echo", "--port", "x"],
      ["echo", "--port"],
    ]) {
      const run = await runCli([...argv, "--json"], { commands });
      assert.equal(run.code, 2, argv.join(" "));
      const { error } = run.json() as { error: { code: string; message: string; hint: string } };
      assert.equal(error.code, "USAGE");
      assert.ok(error.message.length > 0 && error.hint.length > 0);
    }
  });

  it("no command at all shows the help on stderr", async () => {
    const run = await runCli([], { commands });
    assert.deepEqual([run.code, run.stdout], [2, ""]);
    assert.match(run.stderr, /Usage: purlin <command>/);
  });
});

describe("help and version", () => {
  it("--help lists the commands and loads none of them", async () => {
    const run = await runCli(["--help"], {
      commands: [{ name: "heavy", summary: "does much", load: () => Promise.reject(new Error("loaded")) }],
    });
    assert.equal(run.code, 0);
    assert.match(run.stdout, /heavy +does much/);
  });

  it("each command of the table is what the table says, and explains itself", async () => {
    for (const entry of COMMANDS) {
      const definition = await entry.load();
      assert.deepEqual([definition.name, definition.summary], [entry.name, entry.summary]);
      const help = await runCli([entry.name, "--help"]);
      assert.equal(help.code, 0);
      assert.match(help.stdout, new RegExp(`^Usage: purlin ${entry.name} `));
      for (const flag of ["--json", "--quiet", "--no-color", "--verbose", "--version", "--help"]) {
        assert.ok(help.stdout.includes(flag), `${entry.name} ${flag}`);
      }
      assert.equal((await runCli(["help", entry.name])).stdout, help.stdout);
    }
  });

  it("--version prints the version alone", async () => {
    assert.match((await runCli(["--version"])).stdout, /^\d+\.\d+\.\d+\S*\n$/);
    assert.deepEqual(Object.keys((await runCli(["--version", "--json"])).json() as object), ["version"]);
  });
});

describe("failures", () => {
  const cases: [string, unknown, number, string][] = [
    ["an expected error", new AppError("CONFIG_INVALID", "no"), 1, "CONFIG_INVALID"],
    ["a bug", new TypeError("x is not a function"), 70, "UNEXPECTED"],
    ["a thrown string", "oops", 70, "UNEXPECTED"],
    ["Ctrl-C", new CancelledError("SIGINT"), 130, "CANCELLED"],
    ["SIGTERM", new CancelledError("SIGTERM"), 143, "CANCELLED"],
    ["a full disk", Object.assign(new Error("ENOSPC: write"), { code: "ENOSPC" }), 1, "DISK_FULL"],
    [
      "a read-only disk",
      Object.assign(new Error("EROFS: open"), { code: "EROFS", path: "/x" }),
      1,
      "NOT_WRITABLE",
    ],
  ];
  for (const [name, error, code, jsonCode] of cases) {
    it(`${name} ends with ${code} and is JSON under --json`, async () => {
      const run = await runCli(["fail", "--json"], { commands: table(failing(error)) });
      assert.equal(run.code, code);
      const body = run.json() as { error: { code: string; message: string; hint: unknown } };
      assert.equal(body.error.code, jsonCode);
      assert.equal(typeof body.error.message, "string");
      assert.ok("hint" in body.error);
    });
  }

  it("a bug shows its stack and the versions, an expected error neither", async () => {
    const bug = await runCli(["fail"], { commands: table(failing(new TypeError("boom"))) });
    assert.match(bug.stderr, /unexpected error[\s\S]*TypeError: boom\n\s+at [\s\S]*node \d+/);
    const expected = await runCli(["fail"], {
      commands: table(failing(new AppError("NO_EXAMPLES", "none"))),
    });
    assert.equal(expected.stderr, "error none\n");
    assert.equal(expected.stdout, "");
  });

  it("a command that ignores the stop signal is given up, one that heeds it is not waited for", async () => {
    const stop = new AbortController();
    const deaf = defineCommand<never>({
      name: "deaf",
      summary: "deaf",
      run: (_input, { signal }) => {
        setTimeout(() => stop.abort(new CancelledError("SIGTERM")), 10);
        assert.equal(signal.aborted, false);
        return new Promise(() => {});
      },
    });
    const run = await runCli(["deaf"], { commands: table(deaf), signal: stop.signal });
    assert.equal(run.code, 143);
  });

  it("work that goes on tells its events as NDJSON under --json", async () => {
    const long = defineCommand<never>({
      name: "long",
      summary: "long",
      long: true,
      async run(_input, { report }) {
        report.emit({ type: "watching", files: 2, polling: false });
        report.emit({
          type: "reload-failed",
          files: ["model/model.ts"],
          problems: [
            { message: "bad", location: { file: "model/model.ts", line: 2, column: 3, lineText: "x" } },
          ],
        });
        return undefined;
      },
    });
    const run = await runCli(["long", "--json"], { commands: table(long) });
    assert.deepEqual(run.jsonLines(), [
      { type: "watching", files: 2, polling: false },
      {
        type: "reload-failed",
        files: ["model/model.ts"],
        problems: [{ message: "bad", hint: null, file: "model/model.ts", line: 2, column: 3 }],
      },
    ]);
    assert.equal(run.stderr, "");
  });

  it("breaks the lines of a command's description where the terminal ends, and nowhere else", async () => {
    const { stdout } = await runCli(["soak", "--help"]);
    const [, description = ""] = stdout.split("\n\n");
    const lines = description.split("\n");
    for (const line of lines.slice(0, -1)) assert.ok(line.length > 60, line);
  });
});
