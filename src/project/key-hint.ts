import type * as z from "zod";
import { nearest } from "../util/nearest.ts";
import { type KeyPath, keyPathText } from "./key-path.ts";
import { keysOf, typeAt } from "./schema-walk.ts";

/** Where people look who know another tool's config, and where it is here. */
const ELSEWHERE: Record<string, string> = {
  env: "Environment variables stand under environment_variables.",
  environment:
    "Environment variables stand under environment_variables, names of secrets under secrets, overrides under environments.",
  variables: "Environment variables stand under environment_variables.",
  requirements: "npm packages stand in package.json.",
  requirements_file: "npm packages stand in package.json.",
  dependencies: "npm packages stand in package.json.",
  python_version: "Models are TypeScript; build.node_version chooses Node.",
  build_commands: "Use build.commands.",
  docker_image: "Use build.base_image.",
  model_cache: "Use weights.",
  external_data: "Use weights.",
  external_package_dirs: "Imports are found and bundled without configuration.",
  is_websocket_endpoint: "Use runtime.transport: {kind: websocket}.",
  gpu: 'Use resources.accelerator, as in "H100:2".',
  use_gpu: 'Use resources.accelerator, as in "H100:2".',
  instance_type: "Use resources.cpu, resources.memory and resources.accelerator.",
  num_workers: "Use runtime.workers.",
  no_cache: "Use the build command's flags; the package does not depend on caches.",
  auth: "Use auth_secret_name.",
  engine: "Models are classes in this version; write model/model.ts.",
  "<<": "YAML 1.2 has no merge keys; write the keys out.",
};

/** What was probably meant by an unknown key: another name, another place, another mechanism. */
export function keyHint(path: KeyPath, schema: z.core.$ZodType): { hint?: string } {
  const key = String(path.at(-1));
  const parent = path.slice(0, -1);
  const siblings = keysOf(typeAt(schema, parent));
  const [base, root] = baseOf(parent, schema);
  const close = nearest(key, siblings);
  const place = placesOf(root, base).find((one) => one.at(-1) === key);
  if (place && keyPathText(place) !== keyPathText(path)) {
    return { hint: `Did you mean ${keyPathText(place)}?` };
  }
  if (Object.hasOwn(ELSEWHERE, key)) return { hint: ELSEWHERE[key] };
  if (close !== undefined) return { hint: `Did you mean ${keyPathText([...parent, close])}?` };
  const far = placesOf(root, base).find((one) => nearest(key, [String(one.at(-1))]) !== undefined);
  if (far) return { hint: `Did you mean ${keyPathText(far)}?` };
  return siblings.length === 0 ? {} : { hint: `Valid here: ${siblings.join(", ")}.` };
}

/** Within an environment the same keys hold, counted from there. */
function baseOf(parent: KeyPath, schema: z.core.$ZodType): [KeyPath, z.core.$ZodType] {
  const within = parent[0] === "environments" ? parent.slice(0, 2) : [];
  const type = within.length === 2 ? typeAt(schema, within) : undefined;
  return type ? [within, type] : [[], schema];
}

/** The key paths of the root and of its sections. */
function placesOf(root: z.core.$ZodType, base: KeyPath): KeyPath[] {
  return keysOf(root).flatMap((key) => [
    [...base, key],
    ...keysOf(typeAt(root, [key])).map((child) => [...base, key, child]),
  ]);
}
