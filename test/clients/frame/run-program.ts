import { spawn } from "node:child_process";

export interface ProgramRun {
  code: number | null;
  stdout: string;
  stderr: string;
  timedOut: boolean;
}

/** Runs a program to its end, in a process group of its own that ends with it. */
export function runProgram(
  [file, ...args]: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; minutes?: number } = {},
): Promise<ProgramRun> {
  const child = spawn(file ?? "", args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const text = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8");
    child[name].on("data", (chunk: string) => (text[name] += chunk));
  }
  let timedOut = false;
  const killGroup = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch {
      // The group has ended.
    }
  };
  const timer = setTimeout(
    () => {
      timedOut = true;
      killGroup();
    },
    (options.minutes ?? 5) * 60_000,
  );
  process.once("exit", killGroup);
  const settle = (): void => {
    clearTimeout(timer);
    process.removeListener("exit", killGroup);
    killGroup();
  };
  return new Promise((resolve) => {
    child.once("error", (error) => {
      settle();
      resolve({ code: null, ...text, stderr: `${text.stderr}${error.message}`, timedOut });
    });
    // What the program has started may hold its pipes open: the program's own end counts.
    child.once("exit", () => killGroup());
    child.once("close", (code) => {
      settle();
      resolve({ code, ...text, timedOut });
    });
  });
}

/** As runProgram, but a failure is an error that shows the end of what was said. */
export async function mustRun(
  command: readonly string[],
  options: Parameters<typeof runProgram>[1] = {},
): Promise<string> {
  const { code, stdout, stderr } = await runProgram(command, { minutes: 25, ...options });
  if (code === 0) return stdout;
  throw new Error(
    `${command.slice(0, 6).join(" ")} ended with ${code}: ${`${stdout}${stderr}`.slice(-1500)}`,
  );
}
