import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Gives back what a large piece of work has left behind: V8 by itself waits until something else wants memory. */
export function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}
