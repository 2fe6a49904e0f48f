/** A DNS label, so that a model can be a host name and a Kubernetes object. */
export const MODEL_NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

export const MODEL_NAME_RULE =
  "1 to 63 lower-case letters, digits and `-`, beginning and ending with a letter or digit";

/** The nearest valid name: "Ünder Score_2" -> "under-score-2"; "model" where nothing is left. */
export function toModelName(text: string): string {
  const name = text
    .normalize("NFKD")
    .replaceAll(/\p{Mark}/gu, "")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replace(/^-+/, "")
    .slice(0, 63)
    .replace(/-+$/, "");
  return name === "" ? "model" : name;
}
