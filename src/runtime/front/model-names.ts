import type { IncomingMessage } from "node:http";
import { listedModel } from "../../protocol/model-list.ts";
import { nameIn } from "../channel/inference-target.ts";
import type { ProcessPool } from "./process-pool.ts";
import type { ErrorAnswer } from "./send-json.ts";

/** What is said of the name that was asked for: KServe's clients look for it, those of OpenAI for more. */
export function namesFor(target: string, { isListed, since }: { isListed: boolean; since: Date }): object {
  const { model } = nameIn(target);
  if (model === "") return {};
  return { ...(isListed ? listedModel(model, since) : {}), name: model };
}

/** A host names a model with its environment, too. */
export function isNamed(target: string, { files }: ProcessPool): boolean {
  const own = files.manifest.model_name;
  const { model } = nameIn(target);
  return model === own || model.startsWith(`${own}@`);
}

export function otherModel(
  { req }: { req: IncomingMessage },
  { files }: ProcessPool,
): Pick<ErrorAnswer, "code" | "error"> {
  const asked = nameIn(req.url as string).model.slice(0, 100);
  return {
    code: "NOT_FOUND",
    error: `There is no model ${asked} here: this is ${files.manifest.model_name}.`,
  };
}
