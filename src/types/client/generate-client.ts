import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { MethodTypes } from "../../protocol/model-types.ts";
import { LIB_DIR } from "../typescript.ts";
import { generateTypes, type MethodSignature } from "./generate-types.ts";

/** Where the part ends that is the same for every model. */
const END = /^\/\/ purlin: what follows is made for each model\.$[\s\S]*/m;

export interface GenerateOptions {
  modelName: string;
  methods: Record<string, Partial<MethodTypes>>;
}

/** One file of TypeScript with the types of a model's inputs and answers. */
export function typesFile({ modelName, methods }: GenerateOptions): string {
  const { declarations, methods: signatures } = generateTypes(methods);
  const members = signatures.map((signature) => `  ${signature.method}: ${methodType(signature)};\n`);
  const map = `/** What each method takes and answers; \`item\` where it streams. */\nexport interface Methods {\n${members.join("")}}\n`;
  return `${headOf(modelName, "types")}\n${declarations}${declarations === "" ? "" : "\n"}${map}`;
}

/** One file with those types and a client that depends on nothing. */
export function clientFile({ modelName, methods }: GenerateOptions): string {
  const { declarations, methods: signatures } = generateTypes(methods);
  const template = templateFor(signatures);
  const head = headOf(modelName, "client");
  return [head, declarations, clientType(signatures), createClient(signatures), template.trimEnd(), ""]
    .filter((part, at) => part !== "" || at === 5)
    .join("\n");
}

/** Without the functions that no method of this model needs: many projects refuse unused ones. */
function templateFor(signatures: readonly MethodSignature[]): string {
  const whole = readFileSync(join(LIB_DIR, "client-template.ts"), "utf8")
    .replace(/^\/\*\*[\s\S]*?\*\/\n\n/, "")
    .replace(END, "");
  const functions = { jsonBody: "json", bytesBody: "bytes", formBody: "form", isFiles: "form" };
  const unused = Object.entries(functions).filter(
    ([, body]) => !signatures.some((each) => each.body === body),
  );
  return unused.reduce(
    (text, [name]) =>
      text.replace(new RegExp(`(/\\*\\*[^\\n]*\\*/\\n)?function ${name}\\([\\s\\S]*?\\n}\\n\\n`), ""),
    whole,
  );
}

function headOf(modelName: string, what: string): string {
  const command = what === "client" ? "purlin types --client ts" : "purlin types";
  return `// The ${what} of the model ${modelName}, made by \`${command}\`. Changes here are lost when it is made again.\n`;
}

function methodType({ input, output, item }: MethodSignature): string {
  return `{ input: ${input}; output: ${output}${item === null ? "" : `; item: ${item}`} }`;
}

function clientType(signatures: readonly MethodSignature[]): string {
  const members = signatures.flatMap(({ method, input, output, item, description }) => [
    `${comment(description)}  ${method}(input: ${input}, options?: CallOptions): Promise<${output}>;\n`,
    ...(item === null
      ? []
      : [
          `  /** The same as it comes; whoever stops reading cancels the call. A text is cut where the network cuts it. */\n`,
          `  ${method}Stream(input: ${input}, options?: CallOptions): AsyncGenerator<${item}, void, undefined>;\n`,
        ]),
  ]);
  return `export interface Client {\n${members.join("")}}\n`;
}

function createClient(signatures: readonly MethodSignature[]): string {
  const members = signatures.flatMap(({ method, path, output, item, body }) => {
    const given = `"${path}", ${body}Body(input), options`;
    return [
      `    ${method}: (input, options) =>\n      caller.whole(${given}) as Promise<${output}>,\n`,
      ...(item === null
        ? []
        : [
            `    ${method}Stream: (input, options) =>\n      caller.stream(${given}) as AsyncGenerator<${item}, void, undefined>,\n`,
          ]),
    ];
  });
  return `/** \`createClient({ url })\`; the errors that its methods throw are ModelErrors, or the reason of the signal. */
export function createClient(options: ClientOptions): Client {
  const caller = new Caller(options);
  return {
${members.join("")}  };
}
`;
}

function comment(description: string | undefined): string {
  if (description === undefined) return "";
  const lines = description.replaceAll("*/", "*\\/").split("\n");
  return lines.length === 1
    ? `  /** ${lines[0]} */\n`
    : `  /**\n${lines.map((line) => `   * ${line}`.trimEnd()).join("\n")}\n   */\n`;
}
