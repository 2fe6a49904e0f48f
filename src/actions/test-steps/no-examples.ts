import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readClassChain } from "../../bundle/change/class-chain.ts";
import { readTopLevel } from "../../bundle/change/top-level.ts";
import { AppError } from "../../errors.ts";
import { PACKAGE_PATHS } from "../../protocol/manifest.ts";

/** What to say of a package (absolute folder) whose config.yaml names no example. */
export function noExamples(packageDir: string, className: string): AppError {
  if (answersSocketsAlone(packageDir, className)) {
    return new AppError(
      "NO_EXAMPLES",
      `${className} answers over a WebSocket alone; examples are calls over HTTP.`,
      {
        hint: "purlin build --verify shows that the packed model loads. To talk to it: purlin serve, and a client for ws://127.0.0.1:8080/v1/websocket.",
      },
    );
  }
  return new AppError("NO_EXAMPLES", "config.yaml has no examples to run.", {
    hint: "Add some:\nexamples:\n  - name: hello\n    input: { text: hello }\n    output: { length: 5 }",
  });
}

function answersSocketsAlone(packageDir: string, className: string): boolean {
  try {
    const text = readFileSync(join(packageDir, PACKAGE_PATHS.model), "utf8");
    const members = readClassChain(readTopLevel(text), text, className)?.members ?? [];
    const names = new Set(members.map(({ key }) => key));
    return names.has("websocket") && !names.has("predict");
  } catch {
    // Code that cannot be read so is no reason to say less.
    return false;
  }
}
