import assert from "node:assert/strict";
import { test } from "node:test";
import { type AppError, isAppError } from "../../src/errors.ts";
import { bundleProject, makeProject } from "../helpers/build-project.ts";

async function failure(dir: string): Promise<AppError> {
  try {
    await bundleProject(dir);
  } catch (error) {
    assert.ok(isAppError(error), String(error));
    return error;
  }
  return assert.fail("it was built");
}

test("a syntax error has its place, its line and no path of this machine", async (t) => {
  const dir = await makeProject(t, {
    "model/model.ts": 'const é = "ünï";\nexport class Model {\n  predict() { return = 1; }\n}\n',
  });
  const error = await failure(dir);
  assert.equal(error.code, "BUILD_FAILED");
  const [problem] = error.problems;
  assert.equal(problem?.location?.file, "model/model.ts");
  assert.equal(problem?.location?.line, 3);
  assert.equal(problem?.location?.column, 22);
  assert.equal(problem?.location?.lineText, "  predict() { return = 1; }");
  assert.ok(!JSON.stringify([error.message, error.problems]).includes(dir));
});

test("columns count characters, not bytes", async (t) => {
  const error = await failure(
    await makeProject(t, { "model/model.ts": 'const a = "ünï"; import "./nowhere.ts";\n' }),
  );
  assert.equal(error.problems[0]?.location?.column, 25);
  assert.match(error.problems[0]?.message ?? "", /Could not resolve "\.\/nowhere\.ts"/);
});

test("every problem is told at once", async (t) => {
  const error = await failure(
    await makeProject(t, {
      "model/a.ts": "export const a = ;",
      "model/b.ts": "export const b = ;",
      "model/model.ts":
        'import "./a.ts";\nimport "./b.ts";\nimport "not-there";\nexport class Model { predict() {} }',
    }),
  );
  assert.equal(error.code, "BUILD_FAILED");
  assert.deepEqual(error.problems.map(({ location }) => location?.file).sort(), [
    "model/a.ts",
    "model/b.ts",
    "model/model.ts",
  ]);
});

test("a package that nobody asked for yet: npm install NAME", async (t) => {
  const error = await failure(
    await makeProject(t, {
      "model/model.ts": '\nimport x from "@scope/thing/sub";\nexport class Model { predict() { return x; } }',
    }),
  );
  assert.equal(error.code, "PACKAGE_MISSING");
  assert.match(error.message, /@scope\/thing is imported and not installed/);
  assert.equal(error.hint, "Run: npm install @scope/thing");
  assert.equal(
    `${error.location?.file}:${error.location?.line}:${error.location?.column}`,
    "model/model.ts:2:15",
  );
  assert.deepEqual(error.data["packages"], ["@scope/thing"]);
});

test("packages of package.json that are not installed: npm install", async (t) => {
  const error = await failure(
    await makeProject(t, {
      "package.json": '{"dependencies":{"one":"1","two":"1"}}',
      "model/model.ts":
        'import one from "one";\nimport two from "two";\nexport class Model { predict() { return [one, two]; } }',
    }),
  );
  assert.equal(error.code, "PACKAGE_MISSING");
  assert.equal(error.hint, "Run: npm install");
  assert.equal(error.problems.length, 2);
});

test("a path that a package does not export is told as that, not as a missing package", async (t) => {
  const error = await failure(
    await makeProject(t, {
      "package.json": '{"dependencies":{"shut":"1"}}',
      "node_modules/shut/package.json": '{"name":"shut","version":"1.0.0","exports":{".":"./index.js"}}',
      "node_modules/shut/index.js": "",
      "model/model.ts": 'import "shut/inside.js";\nexport class Model { predict() {} }',
    }),
  );
  assert.equal(error.code, "BUILD_FAILED");
  assert.match(error.problems[0]?.hint ?? "", /not exported/);
});

test("an optional package that is not there does not keep a model from being built", async (t) => {
  const dir = await makeProject(t, {
    "package.json": '{"dependencies":{"lib":"1"}}',
    "node_modules/lib/package.json": '{"name":"lib","version":"1.0.0"}',
    "node_modules/lib/index.js":
      "let x = null; function load(n) { return require('opt-a'); }\nexports.load = load;",
    "model/model.ts": `import { load } from "lib";
export class Model { async predict() { try { return await import("opt-b"); } catch { return load; } } }`,
  });
  const { warnings } = await bundleProject(dir);
  assert.deepEqual(warnings, []);
});
