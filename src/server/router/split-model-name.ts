/** `name[@environment]`, as callers name a model; the environment is `production` unless it says another. */
export interface NamedModel {
  model: string;
  environment: string;
}

export function splitModelName(name: string): NamedModel {
  const at = name.lastIndexOf("@");
  if (at === -1) return { model: name, environment: "production" };
  return { model: name.slice(0, at), environment: name.slice(at + 1) };
}
