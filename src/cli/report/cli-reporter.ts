import type { Reporter } from "../../events.ts";

/** A reporter that the shell owns for the length of one command. */
export interface CliReporter extends Reporter {
  /** The work in hand is over, or something else is about to be printed: takes the live line away. */
  settle(): void;
}
