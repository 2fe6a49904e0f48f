const displayNames = new Intl.DisplayNames("en", { type: "language", fallback: "none" });

/** Codes of Wikipedia's editions that mean something else as language codes. */
const CODES: Record<string, string> = { als: "gsw", bh: "bih", eml: "egl" };

/** Languages that Node has no name for. */
const NAMES: Record<string, string> = {
  azb: "South Azerbaijani",
  cbk: "Chavacano",
  dty: "Dotyali",
  egl: "Emilian",
  nah: "Nahuatl",
};

/** The label of a training text, `__label__fr`, as code and English name. */
export function languageOf(label: string): { language: string; name: string } {
  const wikipedia = label.replace("__label__", "");
  const language = CODES[wikipedia] ?? wikipedia;
  return { language, name: NAMES[language] ?? displayNames.of(language) ?? language };
}
