import type { Job } from "./job.ts";
import { log } from "./log.ts";
import type { StandardSchema } from "./model-class.ts";
import { requestScope } from "./request-scope.ts";
import { describeThrown } from "./user-error.ts";
import { validate } from "./validate.ts";

/** A wrong output is answered all the same: its client did nothing wrong. The log has what is wrong with it. */
export async function checkOutput(job: Job, schema: StandardSchema, output: unknown): Promise<void> {
  const tell = (text: string): void => requestScope.run(job.scope, () => log("error", text));
  try {
    const result = await validate(schema, output);
    if (result.ok) return;
    for (const { path, message } of result.violations)
      tell(`The output breaks its schema at ${path || "(root)"}: ${message}`);
  } catch (error) {
    tell(`The schema of the output threw: ${describeThrown(error).message}`);
  }
}
