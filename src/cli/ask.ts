import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { AppError } from "../errors.ts";
import type { CommandContext } from "./define-command.ts";

/** Throws AppError NOT_A_TTY where there is nobody to ask; `flag` is what answers instead. */
export async function askYesNo(question: string, flag: string, context: CommandContext): Promise<boolean> {
  requireTerminal(question, `Say it with ${flag}.`, context);
  const answer = await ask(`${question} [y/N] `, process.stderr, context);
  return /^y(es)?$/i.test(answer.trim());
}

/** What is typed is not shown. */
export async function askSecret(question: string, context: CommandContext): Promise<string> {
  requireTerminal(question, "Give the value on stdin: printf %s VALUE | purlin secrets set NAME", context);
  await new Promise<void>((resolve) => process.stderr.write(`${question}: `, () => resolve()));
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const answer = await ask("", silent, context);
  process.stderr.write("\n");
  return answer;
}

async function ask(
  prompt: string,
  output: NodeJS.WritableStream,
  { stdin, signal }: CommandContext,
): Promise<string> {
  const lines = createInterface({ input: stdin, output, terminal: true });
  try {
    return await lines.question(prompt, { signal });
  } finally {
    lines.close();
  }
}

function requireTerminal(question: string, hint: string, { isTTY }: CommandContext): void {
  if (isTTY.stdin && isTTY.stderr) return;
  throw new AppError("NOT_A_TTY", `"${question}" cannot be asked: there is no terminal.`, { hint });
}
