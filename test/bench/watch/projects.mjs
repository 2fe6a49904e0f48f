/** The projects that are edited. Every edit changes what the model answers: `{version}`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

export const modelFile = (dir) => join(dir, "model/model.ts");

/** As many cores as the machine of the targets has: a limit is no cost of a reload. */
export function makeProject(dir, files) {
  const all = { "config.yaml": `model_name: ${nameOf(dir)}\nresources: {cpu: "2"}\n`, ...files };
  for (const [path, contents] of Object.entries(all)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), contents);
  }
  return dir;
}

export const nameOf = (dir) => dir.slice(dir.lastIndexOf("/") + 1);

/** The whole model of the yardsticks, too. */
export const plainModel = (version) => `export class Model {
  predict(): unknown {
    return { version: ${version} };
  }
}
`;

/** Every edit changes its types as well. */
export const typedModel = (version) => `export class Model {
  predict(input: { text?: string; option${version}?: number }): { version: number } {
    return { version: ${version} };
  }
}
`;

/** Answers `edit + loaded`: the first is changed in predict, the second in load, where a new process has to load. */
export const slowModel = ({ edit, loaded, seconds }) => `export class Model {
  loaded = 0;
  took = 0;

  async load(): Promise<void> {
    const began = performance.now();
    await new Promise((resolve) => setTimeout(resolve, ${seconds * 1000}));
    this.took = performance.now() - began;
    this.loaded = ${loaded};
  }

  predict(): unknown {
    return { version: ${edit} + this.loaded, took: this.took };
  }
}
`;

/** Answers the number at the beginning of data/weights.bin. */
export const dataModel = `import { openSync, readSync } from "node:fs";
import { join } from "node:path";
import type { ModelContext } from "purlin";

export class Model {
  readonly #version: number;

  constructor({ dataDir }: ModelContext) {
    const head = Buffer.alloc(4);
    readSync(openSync(join(dataDir, "weights.bin"), "r"), head);
    this.#version = head.readUInt32LE();
  }

  predict(): unknown {
    return { version: this.#version };
  }
}
`;

/** A model of many modules that answers their sum: only with all of them changed is it that of the new code. */
export function manyModules(count, value) {
  const names = Array.from({ length: count }, (_, at) => `part-${at}`);
  const files = Object.fromEntries(
    names.map((name, at) => [`model/parts/${name}.ts`, `export const value${at} = ${value};\n`]),
  );
  const imports = names.map((name, at) => `import { value${at} } from "./parts/${name}.ts";\n`);
  const sum = names.map((_name, at) => `value${at}`).join(" + ");
  files["model/model.ts"] = `${imports.join("")}
export class Model {
  predict(): unknown {
    return { version: ${sum} };
  }
}
`;
  return files;
}
