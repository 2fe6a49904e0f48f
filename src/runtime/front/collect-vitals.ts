import type { Vitals } from "../../protocol/control.ts";
import { ToModel } from "../channel/frames.ts";
import { readVitals } from "../channel/read-vitals.ts";
import type { ModelProcess } from "./model-process.ts";

/** Of the front and its model processes; one that is too busy to answer is left out. */
export async function collectVitals(processes: readonly ModelProcess[]): Promise<Vitals[]> {
  const ofModels = await Promise.all(
    processes
      .filter(({ state }) => state === "ready")
      .map(async (process) => {
        const answer = await process.call(ToModel.VITALS, undefined);
        if (answer === null) return [];
        return [{ worker: process.worker, ...(JSON.parse(answer.toString()) as Omit<Vitals, "worker">) }];
      }),
  );
  return [{ worker: 0, ...readVitals() }, ...ofModels.flat()];
}
