/**
 * A terminal for a story that is told by running it: each command is printed as it is typed and goes to a shell
 * just so, with `purlin` on the PATH. What the story starts is ended with it.
 */
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { delimiter, join } from "node:path";

const POLL_MS = 5;
const GRACE_MS = 5000;

/** `purlin` is the absolute path of bin/purlin.js; the story takes place in a temporary folder. */
export function openShell(purlin) {
  const root = mkdtempSync(join(tmpdir(), "purlin-quickstart-"));
  const bin = join(root, ".bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "purlin"), `#!/bin/sh\nexec "${process.execPath}" "${purlin}" "$@"\n`);
  chmodSync(join(bin, "purlin"), 0o755);
  const env = {
    ...process.env,
    PATH: `${bin}${delimiter}${process.env.PATH}`,
    // The story has a home of its own: it neither sees nor changes what this user has set up.
    PURLIN_HOME: join(root, ".home"),
    PURLIN_API_URL: undefined,
    PURLIN_API_KEY: undefined,
    // Not what a story is about.
    npm_config_prefer_offline: "true",
    npm_config_audit: "false",
    npm_config_fund: "false",
    npm_config_loglevel: "error",
  };
  const children = new Set();
  let cwd = root;

  return {
    /** Where the next command runs. */
    at: (...path) => join(cwd, ...path),

    cd(folder) {
      show(`cd ${folder}`);
      cwd = join(cwd, folder);
    },

    /** Runs a command to its end, prints what it says, and gives its stdout. A failure is an error. */
    async run(command) {
      show(command);
      const child = start(command, { echo: true });
      const { code } = await child.ended;
      if (code !== 0) throw new Error(`"${command}" ended with ${code}:\n${child.output()}`);
      return child.stdout();
    },

    /** Starts a command that goes on; what it says is printed by `seen` alone. */
    background(command) {
      show(`${command} &`);
      const child = start(`exec ${command}`, { echo: false });
      return {
        /** Waits for output that matches, and prints it where asked to. */
        async seen(pattern, { within, print = true }) {
          const found = await waitFor(child, pattern, { within, command });
          if (print) say(found[0]);
          return found;
        },
        /** Ends it as a person would; anything but a clean end is an error. */
        async stop() {
          child.kill("SIGTERM");
          const { code } = await child.ended;
          if (code !== 0) throw new Error(`"${command}" ended with ${code}:\n${child.output()}`);
        },
      };
    },

    /** Nothing that was started here outlives it. */
    async close() {
      for (const child of children) child.kill("SIGTERM");
      const limit = setTimeout(() => {
        for (const child of children) child.kill("SIGKILL");
      }, GRACE_MS);
      while (children.size > 0) await pause();
      clearTimeout(limit);
      rmSync(root, { recursive: true, force: true });
    },
  };

  function start(command, { echo }) {
    // A group of its own: a shell passes no signal on to what it has started.
    const child = spawn("sh", ["-c", command], {
      cwd,
      env,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    const entry = { kill: (signal) => killGroup(child.pid, signal) };
    children.add(entry);
    let stdout = "";
    let all = "";
    for (const stream of ["stdout", "stderr"]) {
      child[stream].setEncoding("utf8").on("data", (text) => {
        all += text;
        if (stream === "stdout") stdout += text;
        if (echo) process.stdout.write(text);
      });
    }
    const ended = new Promise((resolve) => {
      child.once("error", (error) => {
        all += error.message;
        resolve({ code: -1 });
      });
      child.once("close", (code, signal) => resolve({ code: code ?? 128 + constants.signals[signal] }));
    }).finally(() => children.delete(entry));
    return { ended, stdout: () => stdout, output: () => all, kill: entry.kill };
  }
}

const colours = process.stdout.isTTY && process.env.NO_COLOR === undefined;
export const paint = (code, text) => (colours ? `\x1b[${code}m${text}\x1b[0m` : text);
export const say = (text = "") => process.stdout.write(`${text}\n`);
const show = (command) => say(`\n${paint("1;36", "$")} ${paint(1, command)}`);

async function waitFor(child, pattern, { within, command }) {
  const deadline = performance.now() + within;
  let over = false;
  void child.ended.then(() => (over = true));
  for (;;) {
    const found = pattern.exec(child.output());
    if (found) return found;
    if (over || performance.now() > deadline) {
      throw new Error(`"${command}" did not say ${String(pattern)} in time:\n${child.output()}`);
    }
    await pause();
  }
}

function killGroup(pid, signal) {
  try {
    process.kill(-pid, signal);
  } catch {
    // It has gone by itself.
  }
}

function pause() {
  return new Promise((resolve) => setTimeout(resolve, POLL_MS));
}
