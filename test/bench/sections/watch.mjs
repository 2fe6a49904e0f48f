/** From a save to the first answer of the new code, and what it costs to keep watching. */
import { costRows } from "../watch/cost.mjs";
import { editRows } from "../watch/edits.mjs";
import { fileRows } from "../watch/files.mjs";

export const title = "save -> the new code answers; yardstick: watcher, esbuild and import in one process";

export async function run(context) {
  return [...(await editRows(context)), ...(await fileRows(context)), ...(await costRows(context))];
}
