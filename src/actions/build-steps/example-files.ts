import { AppError, type Problem } from "../../errors.ts";
import type { DataFiles } from "../../pack/data-files.ts";
import { parseConfigDocument } from "../../project/config-document.ts";
import { CONFIG_FILE } from "../../project/load-config.ts";
import type { Project } from "../../project/project.ts";
import { exampleInputPath } from "../../protocol/example-request.ts";
import { nearest } from "../../util/nearest.ts";

/** Refuses an example whose input would not be in the package. Throws AppError CONFIG_INVALID. */
export function checkExampleFiles({ config, configText }: Project, data: DataFiles): void {
  const packed = new Set(data.files.map(({ path }) => path));
  const missing = config.examples.flatMap((example, index) => {
    const path = exampleInputPath(example);
    return path === null || packed.has(path) ? [] : [{ index, file: example.input_file ?? "" }];
  });
  if (missing.length === 0) return;
  const { source, valueSpan } = parseConfigDocument(configText, CONFIG_FILE);
  const names = [...packed].map((path) => path.slice("data/".length));
  const problems = missing.map(({ index, file }): Problem => {
    const path = `${config.data_dir}/${file}`;
    const dropped = data.dropped.find((each) => path === each.path || path.startsWith(`${each.path}/`));
    const meant = nearest(file, names);
    const message = dropped
      ? `\`examples[${index}].input_file\` names ${path}, which is not packed (${dropped.rule})`
      : `\`examples[${index}].input_file\` names ${path}, which is no file`;
    const hint = meant === undefined || dropped ? {} : { hint: `Did you mean ${meant}?` };
    return { message, location: source.location(valueSpan(["examples", index, "input_file"])), ...hint };
  });
  const count = problems.length === 1 ? "a problem" : `${problems.length} problems`;
  throw new AppError("CONFIG_INVALID", `${CONFIG_FILE} has ${count}.`, { problems });
}
