/** A glob (`*`, `**`, `?`, `{a,b}`) as a regular expression over paths with `/`. A pattern without `/` at its end also takes what lies below. */
export function globToRegExp(glob: string): RegExp {
  let text = "";
  let depth = 0;
  const pattern = glob.replace(/^\.\//, "").replace(/\/$/, "");
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at] ?? "";
    if (pattern.startsWith("**/", at)) {
      text += "(?:[^/]+/)*";
      at += 2;
    } else if (pattern.startsWith("**", at)) {
      text += ".*";
      at += 1;
    } else if (char === "*") text += "[^/]*";
    else if (char === "?") text += "[^/]";
    else if (char === "{") {
      text += "(?:";
      depth += 1;
    } else if (char === "}" && depth > 0) {
      text += ")";
      depth -= 1;
    } else if (char === "," && depth > 0) text += "|";
    else text += char.replace(/[$()+.[\\\]^{|}]/, String.raw`\$&`);
  }
  return new RegExp(`^${text}${")".repeat(depth)}(?:/.*)?$`, "u");
}
