import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { AppError } from "../errors.ts";
import type { CommandContext } from "./define-command.ts";

/** Throws AppError NOT_A_TTY where there is nobody to ask; `flag` is what answers instead. */
export async function askYesNo(question: string, flag: string, context: CommandContext): Promise<boolean> {
  requireTerminal(question, `Say it with ${flag}.`, context);
  context.prompt(`${question} [y/N] `);
  return /^y(es)?$/i.test((await readLine({ terminal: false }, context)).trim());
}

/** What is typed is not shown. */
export async function askSecret(question: string, context: CommandContext): Promise<string> {
  requireTerminal(question, "Give the value on stdin: printf %s VALUE | purlin secrets set NAME", context);
  context.prompt(`${question}: `);
  const answer = await readLine({ terminal: true }, context);
  context.prompt("\n");
  return answer;
}

/** With `terminal`, the keys are read one by one and shown where the output is: nowhere. */
async function readLine(
  { terminal }: { terminal: boolean },
  { stdin, signal }: CommandContext,
): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: stdin, output: nowhere, terminal });
  try {
    return await lines.question("", { signal });
  } finally {
    lines.close();
  }
}

function requireTerminal(question: string, hint: string, { isTTY }: CommandContext): void {
  if (isTTY.stdin && isTTY.stderr) return;
  throw new AppError("NOT_A_TTY", `"${question}" cannot be asked: there is no terminal.`, { hint });
}
