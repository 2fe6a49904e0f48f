import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { checkDefinition } from "../../src/bundle/check-definition.ts";
import { type AppError, isAppError } from "../../src/errors.ts";
import { bundleProject, makeProject } from "../helpers/build-project.ts";

interface Row {
  name: string;
  source: string;
  config?: string;
  files?: Record<string, string>;
  code?: "MODEL_NOT_FOUND" | "MODEL_INVALID";
  message?: RegExp;
  place?: string;
  hint?: RegExp;
}

const ACCEPTED: Row[] = [
  { name: "a default class", source: "export default class { predict() {} }" },
  { name: "a class of another name by default", source: "export default class Echo { predict() {} }" },
  {
    name: "a class exported under another name",
    source: "class Echo { predict() {} }\nexport { Echo as Model };",
  },
  { name: "a class in a constant", source: "export const Model = class { predict() {} };" },
  {
    name: "the class that model_class_name names",
    source: "export class Echo { predict() {} }",
    config: "model_class_name: Echo",
  },
  { name: "an arrow function field", source: "export class Model { predict = (x: unknown) => x; }" },
  {
    name: "a field that the constructor fills",
    source:
      "export class Model { constructor() { this.predict = make(); } predict: unknown }\nfunction make() { return () => 1; }",
  },
  {
    name: "batches asked for and predictBatch",
    source:
      "export class Model { predict(x: unknown) { return x; } predictBatch(x: unknown[]) { return x; } }",
    config: "runtime: {batching: {max_size: 4}}",
  },
  { name: "a getter", source: "export class Model { get predict() { return () => 1; } }" },
  { name: "a generator", source: "export class Model { async *predict() { yield 1; } }" },
  { name: "a websocket alone", source: "export class Model { websocket() {} load() {} }" },
  { name: "predictBatch alone", source: "export class Model { predictBatch(x: unknown[]) { return x; } }" },
  {
    name: "predict from a base class in the file",
    source: "class Base { predict() {} }\nexport class Model extends Base {}",
  },
  {
    name: "predict from a base class elsewhere",
    source: 'import { Base } from "./base.ts";\nexport class Model extends Base {}',
    files: { "model/base.ts": "export class Base { predict() {} }" },
  },
  { name: "a mixin", source: "const mix = (x: any) => x;\nexport class Model extends mix(Object) {}" },
  {
    name: "a class from a function",
    source: "const make = () => class { predict() {} };\nexport const Model = make();",
  },
  {
    name: "a class from another file",
    source: 'export { Model } from "./impl.ts";',
    files: { "model/impl.ts": "export class Model { predict() {} }" },
  },
  {
    name: "a class by export *",
    source: 'export * from "./impl.ts";',
    files: { "model/impl.ts": "export class Model { predict() {} }" },
  },
  {
    name: "a method put on the prototype",
    source: "export class Model {}\n(Model.prototype as any).predict = () => 1;",
  },
  {
    name: "Object.assign on the instance",
    source: "export class Model { constructor() { Object.assign(this, { predict() {} }); } }",
  },
  {
    name: "a decorated class",
    source: "const add = (c: any, _: unknown) => c;\n@add\nexport class Model {}",
  },
  {
    name: "a value under a name that is no method",
    source: "export class Model { predict() {} input = 5; static input = 'raw'; }",
  },
];

const REFUSED: Row[] = [
  {
    name: "predictBatch as a generator",
    source: "export class Model {\n  async *predictBatch(rows: unknown[]) { yield rows; }\n}",
    code: "MODEL_INVALID",
    message: /predictBatch cannot stream/,
    place: "model/model.ts:2:10",
    hint: /whole result for each input/,
  },
  {
    name: "batches asked for without predictBatch",
    source: "export class Model {\n  predict(x: unknown) { return x; }\n}",
    config: "runtime: {batching: {max_size: 4}}",
    code: "MODEL_INVALID",
    message: /has no predictBatch, and runtime\.batching in config\.yaml asks for batches/,
    place: "model/model.ts:2:3",
    hint: /Add: predictBatch/,
  },
  {
    name: "batches asked for where predict streams",
    source: "export class Model {\n  *predict(x: unknown) { yield x; }\n}",
    config: "runtime: {batching: {max_size: 4}}",
    code: "MODEL_INVALID",
    message: /has no predictBatch/,
    hint: /streams cannot be batched/,
  },
  {
    name: "no export at all",
    source: "const x = 1;",
    code: "MODEL_NOT_FOUND",
    message: /^model\/model\.ts has no exported class Model \(it exports nothing\)\.$/,
    place: "model/model.ts",
  },
  {
    name: "a class that is not exported",
    source: "\nclass Model { predict() {} }\nexport const other = Model.name;",
    code: "MODEL_NOT_FOUND",
    message: /the class Model is not exported/,
    place: "model/model.ts:2:7",
    hint: /export class Model/,
  },
  {
    name: "another name",
    source: "// first\nexport class Modell { predict() {} }\nexport const x = 1;",
    code: "MODEL_NOT_FOUND",
    message: /no exported class Model \(it exports Modell, x\)/,
    place: "model/model.ts:2:14",
    hint: /model_class_name: Modell/,
  },
  {
    name: "an object",
    source: "export const Model = { predict() {} };",
    code: "MODEL_NOT_FOUND",
    message: /which is not a class/,
    place: "model/model.ts:1:22",
  },
  {
    name: "no method to call",
    source: "interface A {}\nexport class Model {\n  load() {}\n}",
    code: "MODEL_INVALID",
    message: /^model\/model\.ts: class Model needs a predict or a websocket method\.$/,
    place: "model/model.ts:2:14",
  },
  {
    name: "only preprocess",
    source: "export class Model { preprocess(x: unknown) { return x; } }",
    code: "MODEL_INVALID",
    message: /needs a predict or a websocket/,
  },
  {
    name: "a static predict",
    source: "export class Model {\n  static predict() {}\n}",
    code: "MODEL_INVALID",
    message: /needs a predict/,
    place: "model/model.ts:2:10",
    hint: /static/,
  },
  {
    name: "websocket with predict",
    source: "export class Model {\n  websocket() {}\n  predict() {}\n}",
    code: "MODEL_INVALID",
    message: /class Model cannot have both websocket and predict/,
    place: "model/model.ts:3:3",
  },
  {
    name: "websocket with a postprocess from a base class",
    source: "class Base { postprocess() {} }\nexport class Model extends Base { websocket() {} }",
    code: "MODEL_INVALID",
    message: /both websocket and postprocess/,
    place: "model/model.ts:1:14",
  },
  {
    name: "a method that is a value",
    source: "export class Model {\n  predict() {}\n  load = 'weights';\n}",
    code: "MODEL_INVALID",
    message: /class Model: load is not a function/,
    place: "model/model.ts:3:3",
  },
];

describe("what the source of a model class may look like", () => {
  for (const { name, source, config = "", files = {} } of ACCEPTED) {
    test(name, async (t) => {
      const dir = await makeProject(t, {
        "config.yaml": `model_name: t\n${config}\n`,
        "model/model.ts": source,
        ...files,
      });
      await bundleProject(dir);
    });
  }
});

describe("what is refused at build time, with file, class and rule", () => {
  for (const { name, source, config = "", code, message, place, hint } of REFUSED) {
    test(name, async (t) => {
      const dir = await makeProject(t, {
        "config.yaml": `model_name: t\n${config}\n`,
        "model/model.ts": source,
      });
      await assert.rejects(bundleProject(dir), (error: unknown) => {
        assert.ok(isAppError(error), String(error));
        assert.equal(error.code, code);
        assert.match(error.message, message ?? /./);
        if (place) assert.equal(placeOf(error), place);
        if (hint) assert.match(error.hint ?? "", hint);
        return true;
      });
    });
  }
});

test("a file that was saved broken after it was bundled is a fault of the project, told with its place", async (t) => {
  const dir = await makeProject(t, { "model/model.ts": "export class Model {\n  predict( {}\n}\n" });
  const file = join(dir, "model/model.ts");
  const check = checkDefinition({
    projectDir: dir,
    file,
    source: "model/model.ts",
    className: "Model",
    batching: false,
    exported: ["Model"],
  });
  await assert.rejects(check, (error: unknown) => {
    assert.ok(isAppError(error), String(error));
    assert.equal(error.code, "BUILD_FAILED");
    assert.deepEqual(
      [error.problems[0]?.location?.file, error.problems[0]?.location?.line],
      ["model/model.ts", 3],
    );
    return true;
  });
});

function placeOf({ location }: AppError): string {
  return [location?.file, location?.line, location?.column].filter((part) => part !== undefined).join(":");
}
