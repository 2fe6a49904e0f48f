/** What a piece of text is, not how it looks. */
export interface Style {
  good(text: string): string;
  bad(text: string): string;
  warn(text: string): string;
  dim(text: string): string;
  strong(text: string): string;
  /** Something that can be typed: a command, a path, an address. */
  code(text: string): string;
}

const same = (text: string): string => text;

export const plainStyle: Style = { good: same, bad: same, warn: same, dim: same, strong: same, code: same };

/** Colours are loaded only where they are shown. */
export async function loadStyle(colours: boolean): Promise<Style> {
  if (!colours) return plainStyle;
  const { Chalk } = await import("chalk");
  const chalk = new Chalk({ level: 1 });
  return {
    good: chalk.green,
    bad: chalk.red,
    warn: chalk.yellow,
    dim: chalk.dim,
    strong: chalk.bold,
    code: chalk.cyan,
  };
}
